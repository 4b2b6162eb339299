// SPDX-License-Identifier: GPL-2.0
// The way in: takes requests from the ring, parses and checks them, and gives
// each good one a slot.  What is wrong is answered at once.
//
// BEWARE: not locked: it belongs to the queue's thread.
#pragma once

#include <cstdint>
#include <utility>

#include "base/log_limits.h"
#include "queue/barrier_gate.h"
#include "queue/batch.h"
#include "queue/pass.h"
#include "queue/responder.h"
#include "queue/slot.h"
#include "vbd/statistics.h"
#include "vbd/vbd.h"
#include "wire/ring.h"

namespace blkback {

class Intake {
 public:
  Intake(wire::Ring& ring, const Vbd& vbd, Slots& slots, Responder& responder,
         QueueCounters& counters, const RingLog& log)
      : ring_(ring),
        vbd_(vbd),
        slots_(slots),
        responder_(responder),
        counters_(counters),
        log_(log) {}

  // How many requests wait in the ring; none when it is stopped.
  [[nodiscard]] uint32_t waiting(const Pass& pass);

  // Takes some of the `waiting` requests.  Those that the gate admits go to `batch`.
  void take(uint32_t waiting, BarrierGate& gate, Batch& batch);

  // A disk that is done at once lets the frontend go on while we work: small
  // batches then, so that both are busy.  Others get all that there is.
  void set_pace(bool disk_is_fast) { limit_ = disk_is_fast ? kFastBatch : Batch::kCapacity; }

  // Asks for an event at the next request.  True when one has come meanwhile.
  [[nodiscard]] bool more(const Pass& pass);

  // Will nothing more be taken from this ring?
  [[nodiscard]] bool stopped(const Pass& pass) const { return halted_ || pass.closing; }
  // The frontend broke the ring.
  [[nodiscard]] bool halted() const { return halted_; }

  // Can nothing be taken just now?
  [[nodiscard]] bool nothing_waits() const {
    // A frontend may have moved its index back.
    return ring_.pending().value_or(0) == 0 || slots_.empty();
  }

  // Were requests taken since the last call?
  [[nodiscard]] bool take_consumed() { return std::exchange(consumed_, false); }

 private:
  static constexpr uint32_t kFastBatch = 16;

  [[nodiscard]] Slot* take_one();
  void count(const Request& request);
  void halt();

  wire::Ring& ring_;
  const Vbd& vbd_;
  Slots& slots_;
  Responder& responder_;
  QueueCounters& counters_;
  const RingLog log_;
  uint32_t limit_ = Batch::kCapacity;
  bool halted_ = false;
  bool consumed_ = false;
};

}  // namespace blkback
