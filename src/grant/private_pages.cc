// SPDX-License-Identifier: GPL-2.0
#include "grant/private_pages.h"

#include "host/grant.h"

namespace blkback {

host_page* PrivatePages::make() {
  if (in_use_ == kMost) return nullptr;
  if (!account_.try_charge(HOST_PAGE_BYTES)) return nullptr;
  host_page* page = host_buffer_try_alloc();
  if (page == nullptr) {
    account_.give_back(HOST_PAGE_BYTES);
    return nullptr;
  }
  taken_ = true;
  ++in_use_;
  return page;
}

void PrivatePages::free(host_page* page) {
  host_buffer_free(page);
  account_.give_back(HOST_PAGE_BYTES);
}

void PrivatePages::put(host_page* page) {
  --in_use_;
  const uint32_t kept = kept_.get();
  if (kept == kMostKept || host_page_busy(page)) {
    free(page);
    return;
  }
  pages_[kept] = page;
  kept_.set(kept + 1);
}

void PrivatePages::free_kept(uint32_t count) {
  uint32_t kept = kept_.get();
  for (; count != 0; --count) free(pages_[--kept]);
  kept_.set(kept);
}

void PrivatePages::trim(bool all, uint32_t unused_ms, uint64_t now_ms) {
  if (taken_) used_ms_ = now_ms;
  taken_ = false;
  const bool unused = unused_ms != 0 && now_ms - used_ms_ >= unused_ms;
  if (all || unused) {
    free_kept(kept_.get());
  } else if (now_ms - trimmed_ms_ >= kUnneededMs) {
    free_kept(unneeded_);
  } else {
    return;
  }
  trimmed_ms_ = now_ms;
  unneeded_ = kept_.get();
}

std::optional<uint64_t> PrivatePages::due_in_ms(uint32_t unused_ms, uint64_t now_ms) const {
  if (kept_.get() == 0 || unused_ms == 0) return std::nullopt;
  const uint64_t unused = taken_ ? 0 : now_ms - used_ms_;
  return unused >= unused_ms ? 0 : unused_ms - unused;
}

}  // namespace blkback
