// SPDX-License-Identifier: GPL-2.0
// A blkif's buffer of free pages into which grants can be mapped.
//
// All rings of the blkif share it.  It grows by what comes back from requests
// and is bounded by shrink_free_pagepool(), which its users call after work
// with the parameter max_buffer_pages.
//
// A host without pages is not asked again and again: each failure prints a line
// in the kernel's log.  After one the pool lives on what it has; it asks the
// host again after an interval that grows, and meanwhile only for half as much
// as the last failure asked for.
//
// INVARIANT: no grant is mapped in a page of the pool.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "base/intrusive_list.h"
#include "base/lock.h"
#include "base/result.h"
#include "host/page.h"
#include "host/thread.h"

namespace blkback {

class PagePool {
 public:
  PagePool() = default;
  ~PagePool() { shrink_free_pagepool(0); }
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  // A ring whose requests wait for pages, or for the mappings in them.
  class Waiter : public ListLink {
   public:
    // Has a page been emptied since the last call?  Context: the ring's thread.
    [[nodiscard]] bool told() { return told_.exchange(false, std::memory_order_relaxed); }

   private:
    friend class PagePool;

    host_thread* thread_ = nullptr;
    // Set before the thread is woken, which orders it.
    std::atomic<bool> told_{false};
  };

  // Fills `pages`: from the pool, and what is missing from the host, in one
  // call.  Error: -ENOMEM, and none is taken.
  // Context: may sleep.
  [[nodiscard]] Result<void> get(std::span<host_page*> pages, uint64_t now_ms)
      BLKBACK_EXCLUDES(lock_);

  // Takes pages back, whoever gave them out.
  void put(std::span<host_page* const> pages) BLKBACK_EXCLUDES(lock_);

  // From now on wake_waiters() wakes `thread`; a second call changes nothing.
  void wait(Waiter& waiter, host_thread* thread) BLKBACK_EXCLUDES(lock_);
  void stop_waiting(Waiter& waiter) BLKBACK_EXCLUDES(lock_);
  // Grants were unmapped: who waits may try again.  Call after put().  A waiter
  // that begins to wait at the same moment may be missed; it also has a timer.
  void wake_waiters() BLKBACK_EXCLUDES(lock_);

  // Gives pages back to the host until at most `keep` are left, some at a
  // time, so that the lock is never held for long.
  // Context: may sleep.
  void shrink_free_pagepool(uint32_t keep) BLKBACK_EXCLUDES(lock_);

  // A number of some moment, for decisions that may be wrong by a little.
  [[nodiscard]] uint32_t free_pages() const { return free_pages_.load(std::memory_order_relaxed); }

  // How many pages one step of shrinking gives back.
  static constexpr uint32_t kShrinkBatch = 32;
  // The host is asked again after the first of these times, then after twice as
  // long, and so on up to the second.
  static constexpr uint32_t kDryMs = 10;
  static constexpr uint32_t kDryMostMs = 640;

 private:
  [[nodiscard]] bool may_ask_locked(uint32_t pages, uint64_t now_ms) const BLKBACK_REQUIRES(lock_) {
    return now_ms >= dry_until_ms_ || pages <= dry_pages_ / 2;
  }
  void note_answer(uint32_t pages, bool got, uint64_t now_ms) BLKBACK_EXCLUDES(lock_);
  void count_locked(uint32_t pages) BLKBACK_REQUIRES(lock_) {
    free_pages_.store(pages, std::memory_order_relaxed);
  }

  SpinLock lock_{HOST_LOCK_POOL};
  host_page* chain_ BLKBACK_GUARDED_BY(lock_) = nullptr;
  // Written under the lock; read without it by free_pages().
  std::atomic<uint32_t> free_pages_{0};

  // The host had no pages: until when it is not asked, for how long that is,
  // and the smallest number that it refused in that time.
  uint64_t dry_until_ms_ BLKBACK_GUARDED_BY(lock_) = 0;
  uint32_t dry_ms_ BLKBACK_GUARDED_BY(lock_) = 0;
  uint32_t dry_pages_ BLKBACK_GUARDED_BY(lock_) = 0;

  IntrusiveList<Waiter> waiters_ BLKBACK_GUARDED_BY(lock_);
  // Written under the lock; read without it by wake_waiters().
  std::atomic<bool> waited_for_{false};
};

}  // namespace blkback
