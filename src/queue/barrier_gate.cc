// SPDX-License-Identifier: GPL-2.0
#include "queue/barrier_gate.h"

namespace blkback {
namespace {

[[nodiscard]] bool is_barrier(const Slot& slot) { return slot.requested == Operation::kBarrier; }

// Does a barrier order this request?  Reads, and flushes without data, are not ordered.
[[nodiscard]] bool is_write(const Slot& slot) {
  switch (slot.requested) {
    case Operation::kRead:
      return false;
    case Operation::kFlush:
      return slot.granted != 0;
    case Operation::kWrite:
    case Operation::kBarrier:
    case Operation::kDiscard:
      break;
  }
  return true;
}

}  // namespace

// True for a barrier, for a write behind a held request of this ring (held writes keep the
// order of the ring), and for a write that follows the barrier that is up, of any ring.
bool BarrierGate::must_wait(const Slot& slot) const {
  return is_barrier(slot) || !held_.empty() || (up_ && member_.follows(slot.index));
}

void BarrierGate::begin(Slot& slot) {
  slot.ordered = true;
  member_.begin_write();
}

void BarrierGate::end(Slot& slot) {
  slot.ordered = false;
  member_.end_write();
  if (is_barrier(slot)) member_.lower();
}

bool BarrierGate::admit(Slot& slot) {
  if (!is_write(slot)) return true;
  if (!must_wait(slot)) {
    begin(slot);
    return true;
  }
  held_.push_back(slot);
  // Raise the barrier at once: requests that other rings take from now on may follow it.
  if (is_barrier(slot) && held_.front() == &slot) up_ |= member_.try_raise(slot.index);
  return false;
}

void BarrierGate::release(Batch& batch) {
  while (!batch.full()) {
    Slot* slot = held_.front();
    if (slot == nullptr) break;
    const bool barrier = is_barrier(*slot);
    if (barrier) {
      if (!batch.empty() || !member_.try_raise(slot->index)) break;
      up_ = true;
      if (!member_.quiet()) break;
    } else if (up_ && member_.follows(slot->index)) {
      break;
    }
    held_.remove(*slot);
    begin(*slot);
    batch.push_back(*slot);
    if (barrier) break;
  }
}

bool BarrierGate::all_before_begun(uint32_t next_index) const {
  // Requests held behind a barrier of this ring do not precede another ring's barrier.
  if (const Slot* first = held_.front()) return is_barrier(*first) || member_.follows(first->index);
  return member_.follows(next_index);
}

}  // namespace blkback
