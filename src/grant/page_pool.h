// SPDX-License-Identifier: GPL-2.0
// A blkif's buffer of free pages into which grants can be mapped.
//
// All rings of the blkif share it.  It grows by what comes back from requests
// and is bounded by shrink_free_pagepool(), which its users call after work
// with the parameter max_buffer_pages.
//
// INVARIANT: no grant is mapped in a page of the pool.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "base/lock.h"
#include "base/result.h"
#include "host/page.h"

namespace blkback {

class PagePool {
 public:
  PagePool() = default;
  ~PagePool() { shrink_free_pagepool(0); }
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  // Fills `pages`: from the pool, and what is missing from the host, in one
  // call.  Error: -ENOMEM, and none is taken.
  // Context: may sleep.
  [[nodiscard]] Result<void> get(std::span<host_page*> pages) BLKBACK_EXCLUDES(lock_);

  // Takes pages back, whoever gave them out.
  void put(std::span<host_page* const> pages) BLKBACK_EXCLUDES(lock_);

  // Gives pages back to the host until at most `keep` are left, some at a
  // time, so that the lock is never held for long.
  // Context: may sleep.
  void shrink_free_pagepool(uint32_t keep) BLKBACK_EXCLUDES(lock_);

  // A number of some moment, for decisions that may be wrong by a little.
  [[nodiscard]] uint32_t free_pages() const { return free_pages_.load(std::memory_order_relaxed); }

  // How many pages one step of shrinking gives back.
  static constexpr uint32_t kShrinkBatch = 32;

 private:
  void count_locked(uint32_t pages) BLKBACK_REQUIRES(lock_) {
    free_pages_.store(pages, std::memory_order_relaxed);
  }

  SpinLock lock_{HOST_LOCK_POOL};
  host_page* chain_ BLKBACK_GUARDED_BY(lock_) = nullptr;
  // Written under the lock; read without it by free_pages().
  std::atomic<uint32_t> free_pages_{0};
};

}  // namespace blkback
