// SPDX-License-Identifier: GPL-2.0
#include "grant/page_pool.h"

#include <algorithm>

namespace blkback {

Result<void> PagePool::get(std::span<host_page*> pages) {
  const auto wanted = static_cast<uint32_t>(pages.size());
  if (wanted == 0) return {};
  uint32_t taken = 0;
  {
    const SpinGuard guard(lock_);
    taken = host_page_chain_pop(&chain_, pages.data(), wanted);
    count_locked(free_pages() - taken);
  }
  if (taken == wanted) return {};
  const int error = host_page_alloc(pages.data() + taken, wanted - taken);
  if (error != 0) {
    put(pages.first(taken));
    return failure(error);
  }
  return {};
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
