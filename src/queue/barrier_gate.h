// SPDX-License-Identifier: GPL-2.0
// Where a ring's writes wait for a WRITE_BARRIER, and barriers for the writes
// before them.  See write_order.h for the order that the rings of a device keep.
//
// BEWARE: not locked: it belongs to the queue's thread.
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

  // Learns whether a barrier of any ring is up.  Once per round, and before requests
  // are taken: after Ring::pending(), since requests counted there precede any barrier
  // that is raised later.
  void look() { up_ = member_.look(); }
  [[nodiscard]] bool up() const { return up_; }

  // May the request go to the disk now?  Otherwise the gate keeps it.
  [[nodiscard]] bool admit(Slot& slot);

  [[nodiscard]] bool holds_some() const { return !held_.empty(); }

  // Adds to `batch` the held writes that may go on.  A barrier goes alone, when all
  // writes before it have ended.
  void release(Batch& batch);

  // With a barrier up: have all writes of this ring begun that precede it, as far as
  // the order of the ring tells?  `next_index`: of the ring.
  [[nodiscard]] bool all_before_begun(uint32_t next_index) const;
  // With a barrier up: they have, and later writes are held.
  void acknowledge() { member_.acknowledge(); }
  // With a barrier up, once per round: tells the ring that has raised it of writes
  // that have ended.
  void tell_raiser() { member_.tell_raiser(); }

  // The request is answered.
  void ended(Slot& slot) {
    if (slot.ordered) end(slot);
  }

 private:
  [[nodiscard]] bool must_wait(const Slot& slot) const;
  void begin(Slot& slot);
  void end(Slot& slot);

  WriteOrder::Member member_;
  SlotList held_;    // barriers, and writes behind one
  bool up_ = false;  // a barrier is up: writes that follow it are held
};

}  // namespace blkback
