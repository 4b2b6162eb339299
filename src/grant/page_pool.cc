// SPDX-License-Identifier: GPL-2.0
#include "grant/page_pool.h"

#include <algorithm>

namespace blkback {

Result<void> PagePool::get(std::span<host_page*> pages, uint64_t now_ms) {
  const auto wanted = static_cast<uint32_t>(pages.size());
  if (wanted == 0) return {};
  uint32_t taken = 0;
  {
    const SpinGuard guard(lock_);
    const uint32_t free = free_pages();
    if (free < wanted && !may_ask_locked(wanted - free, now_ms)) return failure(-kEnoMem);
    taken = host_page_chain_pop(&chain_, pages.data(), wanted);
    count_locked(free - taken);
  }
  if (taken == wanted) return {};
  const int error = host_page_alloc(pages.data() + taken, wanted - taken);
  note_answer(wanted - taken, error == 0, now_ms);
  if (error != 0) {
    put(pages.first(taken));
    return failure(error);
  }
  return {};
}

void PagePool::note_answer(uint32_t pages, bool got, uint64_t now_ms) {
  const SpinGuard guard(lock_);
  const bool dry = now_ms < dry_until_ms_;
  if (got) {
    if (!dry) dry_ms_ = 0;
    return;
  }
  if (dry) {
    dry_pages_ = std::min(dry_pages_, pages);
    return;
  }
  dry_ms_ = dry_ms_ == 0 ? kDryMs : std::min(2 * dry_ms_, kDryMostMs);
  dry_until_ms_ = now_ms + dry_ms_;
  dry_pages_ = pages;
}

void PagePool::wait(Waiter& waiter, host_thread* thread) {
  const SpinGuard guard(lock_);
  if (waiter.linked()) return;
  waiter.thread_ = thread;
  waiters_.push_back(waiter);
  waited_for_.store(true, std::memory_order_relaxed);
}

void PagePool::stop_waiting(Waiter& waiter) {
  const SpinGuard guard(lock_);
  if (!waiter.linked()) return;
  waiters_.remove(waiter);
  waited_for_.store(!waiters_.empty(), std::memory_order_relaxed);
}

void PagePool::wake_waiters() {
  if (!waited_for_.load(std::memory_order_relaxed)) return;
  const SpinGuard guard(lock_);
  for (Waiter* waiter = waiters_.front(); waiter != nullptr; waiter = waiters_.next(*waiter)) {
    waiter->told_.store(true, std::memory_order_relaxed);
    host_thread_wake(waiter->thread_);
  }
}

void PagePool::put(std::span<host_page* const> pages) {
  if (pages.empty()) return;
  const auto returned = static_cast<uint32_t>(pages.size());
  const SpinGuard guard(lock_);
  host_page_chain_push(&chain_, pages.data(), returned);
  count_locked(free_pages() + returned);
}

void PagePool::shrink_free_pagepool(uint32_t keep) {
  for (;;) {
    host_page* batch[kShrinkBatch];
    uint32_t taken = 0;
    {
      const SpinGuard guard(lock_);
      const uint32_t now = free_pages();
      if (now <= keep) return;
      taken = host_page_chain_pop(&chain_, batch, std::min(kShrinkBatch, now - keep));
      count_locked(now - taken);
    }
    host_page_free(batch, taken);
  }
}

}  // namespace blkback
