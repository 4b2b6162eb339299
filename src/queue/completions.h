// SPDX-License-Identifier: GPL-2.0
// Requests that have ended but are not answered yet: I/Os that the disk has completed,
// requests that failed before they reached the disk, and requests with a page that the
// storage stack still holds.
//
// BEWARE: not locked: only who has the turn (turn.h) may call functions without a "Context".
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

  // Call before `count` I/Os are handed to the disk.
  void expect(uint32_t count, uint64_t now_ms);
  // The disk has completed the slot's I/O.  Context: any.
  void add(Slot& slot);
  // Call after add(), as the very last access: the queue may be destroyed afterwards.
  // Context: any.
  void leave() { in_flight_.fetch_sub(1, std::memory_order_release); }

  // The disk has completed the slot's I/O, which is the whole request, without an error: instead of
  // add(), for who has the turn and answers it at once.
  void end_at_once(Slot& slot, uint64_t now_ms, uint64_t now_ns) {
    progress_ms_.store(now_ms, std::memory_order_relaxed);
    slot.record.ended(now_ns);
  }

  // Ends a request without I/O, with `status`.
  void fail(Slot& slot, Status status) {
    slot.status = status;
    failed_.push_back(slot);
  }

  // Have requests or I/Os ended since the last collect()?
  [[nodiscard]] bool waiting() const { return disk_has_done() || !failed_.empty(); }
  [[nodiscard]] bool disk_has_done() const {
    return done_.load(std::memory_order_relaxed) != nullptr;
  }
  // Are there requests that cannot be answered only because the storage stack holds a page?
  [[nodiscard]] bool holds_some() const { return !busy_.empty(); }
  // Does the disk or the storage stack have requests?  Those will give back their resources.
  [[nodiscard]] bool storage_has_some() const {
    return in_flight_.load(std::memory_order_relaxed) != 0 || holds_some();
  }
  // Has every add() been followed by its leave()?  If so, the caller sees all that these calls
  // have written.
  [[nodiscard]] bool all_left() const { return in_flight_.load(std::memory_order_acquire) == 0; }

  // Moves all requests that have ended to `done`: first those that failed without I/O, then
  // those that the storage stack held, then the I/Os in the order in which the disk has
  // completed them.
  void collect(const Pass& pass, uint64_t now_ns, SlotList& done);
  // Takes slots from `done` until `batch` is full.  Slots to be answered go to `batch`, slots
  // with another part to do go to `parts`.  Slots with a page that the storage stack holds
  // are kept for the next collect().
  void sort(SlotList& done, const Resources& resources, Batch& batch, SlotList& parts);

  // I/Os that the disk has.  Context: any.
  [[nodiscard]] uint32_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
  // The milliseconds for which the disk has completed nothing although it has I/Os of this
  // ring; 0 when it has none.  Context: any.
  [[nodiscard]] uint64_t stalled_ms(uint64_t now_ms) const;

 private:
  void end_part(Slot& slot, bool closing);
  void log_failure(const Slot& slot);

  const RingLog log_;
  SlotList busy_;    // done, but the storage stack holds a page
  SlotList failed_;  // done without I/O
  // Completed I/Os, the newest first.  add() pushes them with release in any context;
  // collect() takes the whole stack with acquire.
  std::atomic<Slot*> done_{nullptr};
  // I/Os that were handed to the disk and have not left.  leave() subtracts one as its very
  // last access and pairs with all_left(); expect() pairs with stalled_ms().
  std::atomic<uint32_t> in_flight_{0};
  // The time of the round that handed over an I/O when none was in flight, or that last
  // collected completed I/Os, whichever is later.  Read by stalled_ms().
  std::atomic<uint64_t> progress_ms_{0};
};

}  // namespace blkback
