// SPDX-License-Identifier: GPL-2.0
// Takes requests from the ring, parses and checks them, and gives each good request a
// slot.  A bad request is answered at once.
//
// BEWARE: not locked: only who has the turn (turn.h) may use it.
#pragma once

#include <cstdint>
#include <utility>

#include "base/gauge.h"
#include "base/log_limits.h"
#include "queue/barrier_gate.h"
#include "queue/batch.h"
#include "queue/pass.h"
#include "queue/responder.h"
#include "queue/round_clock.h"
#include "queue/slot.h"
#include "vbd/statistics.h"
#include "vbd/vbd.h"
#include "wire/ring.h"

namespace blkback {

class Intake {
 public:
  Intake(wire::Ring& ring, const Vbd& vbd, Slots& slots, Responder& responder, RoundClock& clock,
         QueueCounters& counters, const RingLog& log)
      : ring_(ring),
        vbd_(vbd),
        slots_(slots),
        responder_(responder),
        clock_(clock),
        counters_(counters),
        log_(log) {}

  // The number of requests that wait in the ring; 0 when the ring is stopped.  Stops a ring
  // with an impossible index.
  [[nodiscard]] uint32_t waiting(const Pass& pass);

  // Takes at most `waiting` requests from the ring.  Requests that the gate admits go to
  // `batch`.
  void take(uint32_t waiting, BarrierGate& gate, Batch& batch);

  // Sets the size of the next batches.  `disk_is_fast`: the disk completes requests within
  // the submission.  Batches are then small, so that the frontend works on the first answers
  // while we work on the next requests.  Other disks get all requests at hand.
  void set_pace(bool disk_is_fast) { limit_ = disk_is_fast ? kFastBatch : Batch::kCapacity; }

  // Asks the frontend for an event at its next request.  Returns true when a request has come
  // meanwhile.
  [[nodiscard]] bool more(const Pass& pass);

  // Is the ring stopped?  No more requests are taken from a stopped ring.
  [[nodiscard]] bool stopped(const Pass& pass) const { return halted() || pass.closing; }
  // Was the ring stopped because of an impossible index?  Context: any.
  [[nodiscard]] bool halted() const { return halted_.get(); }

  // Is there no request that could be taken now?
  [[nodiscard]] bool nothing_waits() const {
    // A frontend that moves its index back and forth leaves fewer requests than a barrier
    // has noted, or more requests than there are slots.
    return ring_.pending().value_or(0) == 0 || slots_.empty();
  }

  // Were requests taken since the last call?
  [[nodiscard]] bool take_consumed() { return std::exchange(consumed_, false); }

 private:
  static constexpr uint32_t kFastBatch = 16;

  [[nodiscard]] Slot* take_one(uint64_t now_ns);
  void count(const Request& request);
  void stall(host_trace_stall_reason reason);
  void halt();

  wire::Ring& ring_;
  const Vbd& vbd_;
  Slots& slots_;
  Responder& responder_;
  RoundClock& clock_;
  QueueCounters& counters_;
  const RingLog log_;
  uint32_t limit_ = Batch::kCapacity;
  Gauge<bool> halted_;
  bool consumed_ = false;
  wire::RawSlot raw_{};  // for take_one(): Linux clears variables of functions
  Request request_;      // for take_one()
};

}  // namespace blkback
