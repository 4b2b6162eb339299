// SPDX-License-Identifier: GPL-2.0
// Holds a ring's writes until the WRITE_BARRIER before them is answered, and holds a
// barrier until the writes before it are answered.  See write_order.h for the order that
// the rings of a device share, and for when a barrier is up.
//
// BEWARE: not locked: only who has the turn (turn.h) may use it.
#pragma once

#include <cstdint>

#include "queue/batch.h"
#include "queue/slot.h"
#include "queue/write_order.h"

namespace blkback {

class BarrierGate {
 public:
  void join(WriteOrder& order, host_thread* thread, const wire::Ring& ring) {
    member_.join(order, thread, &ring);
  }
  void leave() { member_.leave(); }

  // Checks whether a barrier of any ring is up.  Call once per round, and again before
  // requests are taken.  Make the second call after Ring::pending(): requests counted
  // there precede any barrier that is raised later.
  void look() { up_ = member_.look(); }
  [[nodiscard]] bool up() const { return up_; }

  // Returns true when the request may go to the disk now.  Otherwise the gate holds the
  // request until release().
  [[nodiscard]] bool admit(Slot& slot);

  [[nodiscard]] bool holds_some() const { return !held_.empty(); }

  // Moves the held writes that may go to the disk to `batch`.  A barrier goes alone, after
  // all writes before it are answered.
  void release(Batch& batch);

  // With a barrier up: returns true when, by their indices, no write that precedes the
  // barrier is still held or still in the ring.  `next_index`: of the ring.
  [[nodiscard]] bool all_before_begun(uint32_t next_index) const;
  // With a barrier up: tells the ring that raised it that all earlier writes of this ring
  // have begun and that later writes are held.
  void acknowledge() { member_.acknowledge(); }
  // With a barrier up, once per round: wakes the ring that raised it, which then checks
  // whether the earlier writes have ended.
  void tell_raiser() { member_.tell_raiser(); }

  // Call when the request has been answered.
  void ended(Slot& slot) {
    if (slot.ordered) end(slot);
  }

 private:
  [[nodiscard]] bool must_wait(const Slot& slot) const;
  void begin(Slot& slot);
  void end(Slot& slot);

  WriteOrder::Member member_;
  SlotList held_;    // barriers, and writes behind a barrier, in the order of the ring
  bool up_ = false;  // a barrier of any ring is up: writes that follow it are held
};

}  // namespace blkback
