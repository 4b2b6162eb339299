// SPDX-License-Identifier: GPL-2.0
#include "queue/intake.h"

#include "base/trace.h"
#include "host/log.h"
#include "queue/trace.h"

namespace blkback {

uint32_t Intake::waiting(const Pass& pass) {
  if (stopped(pass)) return 0;
  const Result<uint32_t> pending = ring_.pending();
  if (!pending) halt();
  return pending.value_or(0);
}

bool Intake::more(const Pass& pass) {
  if (stopped(pass)) return false;
  const Result<bool> more = ring_.arm();
  if (!more) halt();
  return more.value_or(false);
}

// The frontend's index is impossible: nothing in the ring can be trusted.  The queue also
// stops ending interrupts of the channel (Queue::end_of_interrupt()), so the frontend cannot
// disturb us any more.
void Intake::halt() {
  if (halted()) return;
  halted_.set(true);
  host_log_limited(&log_.limits.life, HOST_LOG_WARNING,
                   "%s: the frontend claims more requests than the ring has slots (%u); the ring "
                   "is stopped until it reconnects",
                   log_.name, ring_.size());
}

void Intake::take(uint32_t waiting, BarrierGate& gate, Batch& batch) {
  const uint64_t now_ns = clock_.now_ns();
  while (waiting-- != 0 && batch.size() < limit_) {
    if (slots_.empty()) {
      // There is a slot for each slot of the ring: only a frontend that moves its index back
      // and forth gets here.
      counters_.out_of_resources.add(1);
      stall(HOST_TRACE_NO_SLOTS);
      break;
    }
    consumed_ = true;
    Slot* slot = take_one(now_ns);
    if (slot == nullptr) continue;
    if (gate.admit(*slot)) {
      batch.push_back(*slot);
    } else {
      stall(HOST_TRACE_BARRIER);
    }
  }
}

// Takes the next request.  Returns nullptr when the request was answered at once.
Slot* Intake::take_one(uint64_t now_ns) {
  const uint32_t index = ring_.next_index();
  ring_.take(raw_);
  const std::optional<Rejection> rejection = parse(raw_, ring_.layout(), request_);
  if (rejection.has_value()) {
    host_log_limited(&log_.limits.refused, HOST_LOG_WARNING,
                     "%s: request with operation %u refused: %s", log_.name,
                     rejection->key.operation, rejection->reason);
    counters_.refused.add(1);
    responder_.answer(AnswerDuty(responder_, rejection->key), rejection->status);
    return nullptr;
  }
  const Request& request = request_;
  AnswerDuty duty(responder_, request.key);
  const Checked<void> allowed = vbd_.check(request);
  if (!allowed.has_value()) {
    host_log_limited(&log_.limits.refused, HOST_LOG_WARNING,
                     "%s: request with operation %u for %llu sectors at %llu refused: %s",
                     log_.name, duty.operation(), static_cast<unsigned long long>(request.sectors),
                     static_cast<unsigned long long>(request.sector), allowed.error().reason);
    counters_.refused.add(1);
    responder_.answer(std::move(duty), allowed.error().status);
    return nullptr;
  }
  count(request);
  if (traced(HOST_TRACE_TAKEN)) trace_taken(log_, request);
  if (request.flushes() && request.segment_count == 0 && !vbd_.flush_needed()) {
    if (traced(HOST_TRACE_DONE)) trace_done_at_once(log_, request);
    responder_.answer(std::move(duty), Status::kOkay);
    counters_.answered(DRIVER_FLUSH, {.taken = now_ns}, now_ns);
    return nullptr;
  }
  Slot& slot = slots_.take();
  slot.fill(std::move(duty), index, request, vbd_, now_ns);
  return &slot;
}

// A request begins to wait.
void Intake::stall(host_trace_stall_reason reason) {
  if (traced(HOST_TRACE_STALL)) host_trace_stall(&log_.ring, reason, 1);
}

void Intake::count(const Request& request) {
  switch (request.operation) {
    case Operation::kRead:
      counters_.reads.add(1);
      counters_.sectors_read.add(request.sectors);
      break;
    case Operation::kWrite:
      counters_.writes.add(1);
      counters_.sectors_written.add(request.sectors);
      break;
    case Operation::kFlush:
    case Operation::kBarrier:
      counters_.flushes.add(1);
      counters_.sectors_written.add(request.sectors);
      break;
    case Operation::kDiscard:
      counters_.discards.add(1);
      break;
  }
}

}  // namespace blkback
