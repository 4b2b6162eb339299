// SPDX-License-Identifier: GPL-2.0
// Pages of the host's memory for requests whose data the hypervisor copies: the disk reads
// and writes them in place of the guest's pages.
//
// Pages that requests give back are kept for later ones of the same ring: no page with a
// guest's data reaches another guest.  A page that the storage stack still holds is never
// used again: network storage may send it once more, with the data that it had.
//
// BEWARE: not locked: only who has the queue's turn (queue/turn.h) may call functions without a
// "Context".
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/account.h"
#include "base/gauge.h"
#include "host/page.h"

namespace blkback {

class PrivatePages {
 public:
  // The guest's account is charged with each page.
  explicit PrivatePages(Account& account) : account_(account) {}
  ~PrivatePages() { free_kept(kept_.get()); }
  PrivatePages(const PrivatePages&) = delete;
  PrivatePages& operator=(const PrivatePages&) = delete;

  // Returns a page, or nullptr when there is no memory now, the guest is at its cap, or kMost pages
  // are in use.
  [[nodiscard]] host_page* take() {
    const uint32_t kept = kept_.get();
    if (kept == 0) return make();
    kept_.set(kept - 1);
    unneeded_ = std::min(unneeded_, kept - 1);
    taken_ = true;
    ++in_use_;
    return pages_[kept - 1];
  }
  void put(host_page* page);

  // Gives unused pages back to the host: those that were not needed for kUnneededMs, or all when
  // none was needed for `unused_ms` (0: never) or `all` is set.
  void trim(bool all, uint32_t unused_ms, uint64_t now_ms);
  // Milliseconds until trim() gives all pages back; nullopt: it has none, or never does.
  [[nodiscard]] std::optional<uint64_t> due_in_ms(uint32_t unused_ms, uint64_t now_ms) const;

  // Does a request have a page?
  [[nodiscard]] bool in_use() const { return in_use_ != 0; }
  // The number of unused pages.  Context: any.
  [[nodiscard]] uint32_t kept() const { return kept_.get(); }

  // The most pages in use, 4 MiB.
  static constexpr uint32_t kMost = 1024;
  // The most unused pages.
  static constexpr uint32_t kMostKept = 128;
  static constexpr uint32_t kUnneededMs = 1000;

 private:
  [[nodiscard]] host_page* make();
  void free(host_page* page);
  void free_kept(uint32_t count);

  Account& account_;
  host_page* pages_[kMostKept];  // the first kept_ are valid
  Gauge<uint32_t> kept_;
  uint32_t in_use_ = 0;
  // The smallest kept_ since trimmed_ms_: so many were not needed.
  uint32_t unneeded_ = 0;
  uint64_t trimmed_ms_ = 0;
  // The time of the first trim() after the last take().
  uint64_t used_ms_ = 0;
  bool taken_ = false;  // since the last trim()
};

}  // namespace blkback
