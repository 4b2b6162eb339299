// SPDX-License-Identifier: GPL-2.0
// A connection's pool of free pages into which grants can be mapped.
//
// All rings of the connection share the pool.  It grows by the pages that requests give
// back.  After work its users call shrink_free_pagepool() with max_buffer_pages, which
// bounds it.
//
// Each time that the host has no pages, it prints a line in the kernel's log.  The pool
// therefore asks less after such a failure: for an interval, which grows with each
// failure, it asks for at most half of the smallest number that the host has refused in
// the interval.
//
// The pool charges the guest's account with its pages: those that are free, and those in
// which its users map grants for single requests.  A persistent grant's page is charged with
// that grant.  Within the pool's floor no page is refused for the guest's cap.
//
// INVARIANT: no grant is mapped in a page of the pool.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "base/account.h"
#include "base/intrusive_list.h"
#include "base/lock.h"
#include "base/result.h"
#include "host/page.h"
#include "host/thread.h"

namespace blkback {

class PagePool {
 public:
  // `floor`: pages that are not refused for the guest's cap.
  PagePool(Account& account, uint32_t floor) : account_(account), floor_(floor) {}
  ~PagePool();
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  // A ring whose requests wait for pages or for handles.
  class Waiter : public ListLink {
   public:
    // Were grants unmapped since the last call?  Context: the ring's thread.
    [[nodiscard]] bool told() { return told_.exchange(false, std::memory_order_relaxed); }

   private:
    friend class PagePool;

    host_thread* thread_ = nullptr;
    // Pairs with told().  Relaxed: set before host_thread_wake(), which orders it.
    std::atomic<bool> told_{false};
  };

  // Fills `pages` from the pool, and the rest from the host, with one call.
  // Errors: -ENOMEM; -EDQUOT when the guest is at its cap.  No page is taken then.
  // Context: may sleep.
  [[nodiscard]] Result<void> get(std::span<host_page*> pages, uint64_t now_ms)
      BLKBACK_EXCLUDES(lock_);

  // Adds empty pages to the pool, wherever they came from.
  void put(std::span<host_page* const> pages) BLKBACK_EXCLUDES(lock_);

  // A user's page is charged with its persistent grant from now on.
  void let_go() BLKBACK_EXCLUDES(lock_);
  // `count` pages of persistent grants become the pool's again.  Call before put(), and before
  // the account gets back what the persistent grants were charged.
  void adopt(uint32_t count) BLKBACK_EXCLUDES(lock_);

  [[nodiscard]] Account& account() const { return account_; }

  // From now on wake_waiters() wakes `thread`.  A second call changes nothing.
  void wait(Waiter& waiter, host_thread* thread) BLKBACK_EXCLUDES(lock_);
  void stop_waiting(Waiter& waiter) BLKBACK_EXCLUDES(lock_);
  // Wakes the waiters, because grants were unmapped.  Call after put().  A waiter that
  // begins to wait at the same moment may be missed; it also has a timer.
  void wake_waiters() BLKBACK_EXCLUDES(lock_);

  // Do other rings than the caller's wait because the guest is at its cap?  `waiting`: does
  // the caller's ring wait, too?
  [[nodiscard]] bool others_wait_at_cap(bool waiting) const {
    return capped_.load(std::memory_order_relaxed) &&
           waiting_.load(std::memory_order_relaxed) > (waiting ? 1u : 0u);
  }

  // Gives back the free pages that the pool has beyond its floor.  Returns their number.
  // Context: may sleep.
  uint32_t shrink_to_floor() BLKBACK_EXCLUDES(lock_);

  // Gives pages back to the host until at most `keep` are left.  kShrinkBatch pages at a
  // time, so that the lock is never held for long.
  // Context: may sleep.
  void shrink_free_pagepool(uint32_t keep) BLKBACK_EXCLUDES(lock_);

  // The number of free pages, read without the lock: it may be slightly out of date.
  [[nodiscard]] uint32_t free_pages() const { return free_pages_.load(std::memory_order_relaxed); }

  // The number of pages that one step of shrinking gives back.
  static constexpr uint32_t kShrinkBatch = 32;
  // The interval after a failure of the host: kDryMs first, then doubled with each
  // further failure up to kDryMostMs.
  static constexpr uint32_t kDryMs = 10;
  static constexpr uint32_t kDryMostMs = 640;

 private:
  [[nodiscard]] bool may_ask_locked(uint32_t pages, uint64_t now_ms) const BLKBACK_REQUIRES(lock_) {
    return now_ms >= dry_until_ms_ || pages <= dry_pages_ / 2;
  }
  void note_answer(uint32_t pages, bool got, uint64_t now_ms) BLKBACK_EXCLUDES(lock_);
  [[nodiscard]] uint64_t beyond_floor(uint32_t pages) const {
    return pages > floor_ ? uint64_t{pages - floor_} * host_page_cost() : 0;
  }
  [[nodiscard]] bool charge_locked(uint32_t pages) BLKBACK_REQUIRES(lock_);
  void discharge_locked(uint32_t pages) BLKBACK_REQUIRES(lock_);
  void count_locked(uint32_t pages) BLKBACK_REQUIRES(lock_) {
    free_pages_.store(pages, std::memory_order_relaxed);
  }

  Account& account_;
  const uint32_t floor_;

  SpinLock lock_{HOST_LOCK_POOL};
  host_page* chain_ BLKBACK_GUARDED_BY(lock_) = nullptr;
  // Written under the lock, read without it by free_pages().
  std::atomic<uint32_t> free_pages_{0};
  // Free pages, pages that users have, and pages that are lost.
  uint32_t charged_ BLKBACK_GUARDED_BY(lock_) = 0;

  // After a failure of the host: the end of the interval, its length, and the smallest
  // number of pages that the host refused in it.
  uint64_t dry_until_ms_ BLKBACK_GUARDED_BY(lock_) = 0;
  uint32_t dry_ms_ BLKBACK_GUARDED_BY(lock_) = 0;
  uint32_t dry_pages_ BLKBACK_GUARDED_BY(lock_) = 0;

  IntrusiveList<Waiter> waiters_ BLKBACK_GUARDED_BY(lock_);
  // The number of waiters, and whether the account has refused pages since there was none.
  // Written under the lock, read without it.
  std::atomic<uint32_t> waiting_{0};
  std::atomic<bool> capped_{false};
};

}  // namespace blkback
