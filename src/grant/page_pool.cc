// SPDX-License-Identifier: GPL-2.0
#include "grant/page_pool.h"

#include <algorithm>

namespace blkback {

PagePool::~PagePool() {
  shrink_free_pagepool(0);
  const SpinGuard guard(lock_);
  discharge_locked(charged_);  // pages that the hypervisor did not unmap
}

// Charges the account with pages that come from the host.
bool PagePool::charge_locked(uint32_t pages) {
  const uint64_t beyond = beyond_floor(charged_ + pages) - beyond_floor(charged_);
  if (beyond != 0 && !account_.try_charge(beyond)) return false;
  account_.use(uint64_t{pages} * host_page_cost() - beyond);
  charged_ += pages;
  return true;
}

void PagePool::discharge_locked(uint32_t pages) {
  const uint64_t beyond = beyond_floor(charged_) - beyond_floor(charged_ - pages);
  if (beyond != 0) account_.give_back(beyond);
  account_.unuse(uint64_t{pages} * host_page_cost() - beyond);
  charged_ -= pages;
}

void PagePool::let_go() {
  const SpinGuard guard(lock_);
  discharge_locked(1);
}

void PagePool::adopt(uint32_t count) {
  const SpinGuard guard(lock_);
  const uint64_t beyond = beyond_floor(charged_ + count) - beyond_floor(charged_);
  if (beyond != 0) account_.charge(beyond);
  account_.use(uint64_t{count} * host_page_cost() - beyond);
  charged_ += count;
}

Result<void> PagePool::get(std::span<host_page*> pages, uint64_t now_ms) {
  const auto wanted = static_cast<uint32_t>(pages.size());
  if (wanted == 0) return {};
  uint32_t taken = 0;
  {
    const SpinGuard guard(lock_);
    const uint32_t free = free_pages();
    if (free < wanted) {
      if (!may_ask_locked(wanted - free, now_ms)) return failure(-kEnoMem);
      if (!charge_locked(wanted - free)) {
        capped_.store(true, std::memory_order_relaxed);
        return failure(-kEdquot);
      }
    }
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
  discharge_locked(pages);
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
  waiting_.store(waiters_.size(), std::memory_order_relaxed);
}

void PagePool::stop_waiting(Waiter& waiter) {
  const SpinGuard guard(lock_);
  if (!waiter.linked()) return;
  waiters_.remove(waiter);
  waiting_.store(waiters_.size(), std::memory_order_relaxed);
  if (waiters_.empty()) capped_.store(false, std::memory_order_relaxed);
}

void PagePool::wake_waiters() {
  if (waiting_.load(std::memory_order_relaxed) == 0) return;
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

uint32_t PagePool::shrink_to_floor() {
  uint32_t free = 0;
  uint32_t excess = 0;
  {
    const SpinGuard guard(lock_);
    free = free_pages();
    excess = std::min(free, charged_ > floor_ ? charged_ - floor_ : 0);
  }
  if (excess != 0) shrink_free_pagepool(free - excess);
  return excess;
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
      discharge_locked(taken);
    }
    host_page_free(batch, taken);
  }
}

}  // namespace blkback
