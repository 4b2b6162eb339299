// SPDX-License-Identifier: GPL-2.0
// The way out, up to the answer: what the disk has done, what failed before it got
// there, and what the storage stack still holds.
//
// BEWARE: what has no "Context" belongs to the queue's thread and needs no lock.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/log_limits.h"
#include "queue/batch.h"
#include "queue/pass.h"
#include "queue/resources.h"
#include "queue/slot.h"

namespace blkback {

class Completions {
 public:
  explicit Completions(const RingLog& log) : log_(log) {}
  Completions(const Completions&) = delete;
  Completions& operator=(const Completions&) = delete;

  // So many I/Os are about to be handed to the disk.
  void expect(uint32_t count, uint64_t now_ms);
  // The disk is done with the slot's I/O.  Context: any.
  void add(Slot& slot);
  // After add(), and as the very last access: the queue may be gone afterwards.
  // Context: any.
  void leave() { in_flight_.fetch_sub(1, std::memory_order_release); }

  // Ends a request without I/O.
  void fail(Slot& slot, Status status) {
    slot.status = status;
    failed_.push_back(slot);
  }

  // Has something ended that is not collected yet?
  [[nodiscard]] bool waiting() const { return disk_has_done() || !failed_.empty(); }
  [[nodiscard]] bool disk_has_done() const {
    return done_.load(std::memory_order_relaxed) != nullptr;
  }
  // Requests that are done but for a page that the storage stack holds.
  [[nodiscard]] bool holds_some() const { return !busy_.empty(); }
  // Requests that give back what they hold when the storage lets go of them.
  [[nodiscard]] bool storage_has_some() const {
    return in_flight_.load(std::memory_order_relaxed) != 0 || holds_some();
  }
  // Has every add() been followed by its leave()?  All that they did is seen then.
  [[nodiscard]] bool all_left() const { return in_flight_.load(std::memory_order_acquire) == 0; }

  // What has ended since the last call: without I/O, then what was held, then what the disk
  // has done, in its order.
  void collect(const Pass& pass, SlotList& done);
  // Takes slots from `done`: those that are to be answered, into `batch`, until it is
  // full; those with another part to do, into `parts`.  What the storage stack holds
  // is kept for the next collect().
  void sort(SlotList& done, const Resources& resources, Batch& batch, SlotList& parts);

  // For how long the disk has answered nothing although it has requests of this
  // ring; 0 when it has none.  Context: any.
  [[nodiscard]] uint64_t stalled_ms(uint64_t now_ms) const;

 private:
  void end_part(Slot& slot, bool closing);
  void log_failure(const Slot& slot);

  const RingLog log_;
  SlotList busy_;    // done, but the storage stack holds a page
  SlotList failed_;  // done without I/O
  // Done I/Os, the last one first: pushed by add() in any context, taken as a whole
  // by collect().
  std::atomic<Slot*> done_{nullptr};
  // I/Os with the disk; leave() takes off one as its very last access.  Pairs with
  // all_left() and stalled_ms().
  std::atomic<uint32_t> in_flight_{0};
  // When the disk got the first of them, or answered last, as of that pass.
  // Read by stalled_ms().
  std::atomic<uint64_t> progress_ms_{0};
};

}  // namespace blkback
