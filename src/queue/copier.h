// SPDX-License-Identifier: GPL-2.0
// Requests whose data the hypervisor copies between the guest's pages and private ones, with
// one hypercall for a batch.  A small copy costs less than mapping and unmapping a grant.
//
// Each segment has a private page, in which its data has the same offset as in the guest's.
//
// BEWARE: not locked: only who has the turn (turn.h) may use it.
#pragma once

#include <cstdint>
#include <span>

#include "base/counter.h"
#include "base/log_limits.h"
#include "grant/mapper.h"
#include "grant/page_pool.h"
#include "grant/private_pages.h"
#include "queue/slot.h"

namespace blkback {

class Copier {
 public:
  struct Counters {
    Counter calls;
    Counter grants;
  };

  // `batch`: nobody else may use it during a copy.
  Copier(uint16_t domid, GrantBatch& batch, PagePool& pool, const RingLog& log)
      : batch_(batch), pages_(pool.account()), pool_(pool), log_(log), domid_(domid) {}

  // Gives a direct request with data one private page for each segment, and sets `grant_copied`.
  // Returns false when there are too few; the request has none then.
  [[nodiscard]] bool take_pages(Slot& slot);
  // Takes the pages back.
  void put_pages(Slot& slot);

  // Copies the data of those `slots` that have private pages: writes from the guest, before the
  // disk gets them, which sets their `outcome`; or reads to the guest, if the disk has read
  // them without error, which sets the `status` of those that fail.
  // Return: true if there was a hypercall.
  bool copy_from_guest(std::span<Slot* const> slots);
  bool copy_to_guest(std::span<Slot* const> slots);

  [[nodiscard]] PrivatePages& pages() { return pages_; }
  [[nodiscard]] const PrivatePages& pages() const { return pages_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  using Slots = std::span<Slot* const>;

  [[nodiscard]] static bool wanted(const Slot& slot, host_grant_copy_direction direction);
  bool copy(Slots slots, host_grant_copy_direction direction);
  void execute(Slots slots, host_grant_copy_direction direction, uint32_t count);

  GrantBatch& batch_;
  PrivatePages pages_;
  Counters counters_;
  const PagePool& pool_;  // for the tracepoint
  const RingLog log_;
  uint16_t domid_;
};

}  // namespace blkback
