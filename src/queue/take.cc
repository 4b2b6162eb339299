// SPDX-License-Identifier: GPL-2.0
// A queue's pass, and how it takes requests from the ring.
#include <algorithm>

#include "host/log.h"
#include "host/time.h"
#include "queue/queue.h"

namespace blkback {

void Queue::pass() {
  bool again = true;
  bool freed = false;  // something came free since requests were last started
  while (again) {
    host_thread_heed(thread_);
    now_ms_ = host_time_ms();
    host_parameters_read(&parameters_);
    holding_ = write_order_.look();
    bool progress = finish_done();
    progress |= start_held();
    progress |= start_requests(progress || freed);
    // What the disk answered while we submitted joins this push.
    freed = finish_done();
    progress |= freed;
    if (holding_ && all_before_barrier_begun()) write_order_.acknowledge();
    if (holding_) write_order_.settle();
    if (answered_) {
      answered_ = false;
      if (ring_.push()) host_event_notify(channel_);
    }
    // What ends from here on wakes us, but for what ended within its own
    // submission; and what has ended may let others go on.
    again = more_requests() || done_waits() || (progress && !(held_.empty() && deferred_.empty()));
    if (!again || now_ms_ != limits_kept_ms_) keep_limits();
    if (again) host_thread_yield();
  }
  end_of_interrupt();
}

bool Queue::more_requests() {
  if (halted_ || closing_.load(std::memory_order_acquire)) return false;
  // Requests that wait for what has run out go first.
  if (!deferred_.empty()) return false;
  const Result<bool> more = ring_.arm();
  if (!more) halt();
  return more.value_or(false);
}

// The frontend's index is impossible: whatever stands in the ring is not to
// be trusted.  No end of interrupt either: it cannot disturb us any more.
void Queue::halt() {
  if (halted_) return;
  halted_ = true;
  host_log_limited(&shared_.log.life, HOST_LOG_WARNING,
                   "%s: the frontend claims more requests than the ring has slots (%u); the ring "
                   "is stopped until it reconnects",
                   name_, ring_.size());
}

void Queue::end_of_interrupt() {
  if (halted_) return;
  if (!event_pending_.exchange(false, std::memory_order_acquire)) return;
  host_event_eoi(channel_, consumed_ ? 0 : 1);
  consumed_ = false;
}

// Is the slot one of the writes that a barrier orders?
bool Queue::ordered(const Slot& slot) {
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

// Behind a barrier of this ring, or of another one?
bool Queue::must_wait(const Slot& slot) const {
  return slot.requested == Operation::kBarrier || !held_.empty() ||
         (holding_ && write_order_.follows(slot.index));
}

// With a barrier of another ring up: has every write that precedes it begun?
// What stands behind a barrier of our own does not precede the other one.
bool Queue::all_before_barrier_begun() {
  if (halted_ || closing_.load(std::memory_order_acquire)) return true;
  if (const Slot* first = held_.front()) {
    return first->requested == Operation::kBarrier || write_order_.follows(first->index);
  }
  if (write_order_.follows(ring_.next_index())) return true;
  // A frontend may have moved its index back.
  return ring_.pending().value_or(0) == 0 || free_.empty();
}

void Queue::fill_slot(Slot& slot, const Request& request) const {
  slot.identity = request.identity;
  slot.requested = request.operation;
  slot.indirect = request.indirect;
  slot.status = Status::kOkay;
  slot.stage = request.indirect ? Slot::Stage::kDescriptors : Slot::Stage::kData;
  slot.disk = shared_.vbd.disk();
  slot.sector = request.sector;
  slot.sectors = request.sectors;
  slot.sectors_left = 0;
  slot.segment_count = request.segment_count;
  slot.granted = request.segment_count;
  slot.flags = 0;
  slot.descriptor_gref = request.descriptor_gref;
  switch (request.operation) {
    case Operation::kRead:
      slot.operation = HOST_IO_READ;
      break;
    case Operation::kWrite:
      slot.operation = HOST_IO_WRITE;
      break;
    case Operation::kFlush:
    case Operation::kBarrier:
      slot.operation = request.segment_count != 0 ? HOST_IO_WRITE : HOST_IO_FLUSH;
      // What was written before is durable first, and this with it.
      slot.flags = HOST_IO_PREFLUSH | HOST_IO_FUA;
      break;
    case Operation::kDiscard:
      // blkif.h of Xen: the flag is ignored where discard-secure is not offered.
      slot.operation = request.secure && shared_.vbd.offers_secure_discard()
                           ? HOST_IO_SECURE_DISCARD
                           : HOST_IO_DISCARD;
      slot.sectors_left = request.sectors;
      break;
  }
  slot.copied = slot.operation == HOST_IO_WRITE && shared_.vbd.stable_writes();
  if (request.indirect) return;
  for (uint32_t i = 0; i < request.segment_count; ++i) {
    slot.direct_grants[i].gref = request.segments[i].gref;
    slot.direct_segments[i].offset = request.segments[i].offset_bytes();
    slot.direct_segments[i].bytes = request.segments[i].bytes();
    slot.copied |= !shared_.vbd.whole_blocks(request.segments[i]);
  }
}

// Takes the next request.  Nothing when it was answered at once.
Slot* Queue::take_one() {
  const uint32_t index = ring_.next_index();
  wire::RawSlot raw{};
  ring_.take(raw);
  const std::expected<Request, Rejection> parsed = parse(raw, ring_.layout());
  if (!parsed.has_value()) {
    const Rejection& rejection = parsed.error();
    host_log_limited(&shared_.log.refused, HOST_LOG_WARNING,
                     "%s: request with operation %u refused: %s", name_,
                     rejection.identity.operation, rejection.reason);
    answer(rejection.identity, rejection.status);
    return nullptr;
  }
  const Request& request = *parsed;
  const Vbd::Verdict verdict = shared_.vbd.check(request);
  if (verdict.status != Status::kOkay) {
    host_log_limited(&shared_.log.refused, HOST_LOG_WARNING,
                     "%s: request with operation %u for %llu sectors at %llu refused: %s", name_,
                     request.identity.operation, static_cast<unsigned long long>(request.sectors),
                     static_cast<unsigned long long>(request.sector), verdict.reason);
    answer(request.identity, verdict.status);
    return nullptr;
  }

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
      if (request.segment_count == 0 && !shared_.vbd.flush_needed()) {
        answer(request.identity, Status::kOkay);
        return nullptr;
      }
      break;
    case Operation::kDiscard:
      counters_.discards.add(1);
      break;
  }

  Slot& slot = *free_.pop_front();
  slot.index = index;
  fill_slot(slot, request);
  return &slot;
}

uint32_t Queue::take_requests(uint32_t waiting) {
  uint32_t count = 0;
  while (waiting-- != 0 && count < batch_limit_) {
    if (free_.empty()) {
      // As many slots as the ring has: only a frontend that moves its index
      // back and forth gets here.
      counters_.out_of_resources.add(1);
      break;
    }
    consumed_ = true;
    Slot* slot = take_one();
    if (slot == nullptr) continue;
    if (ordered(*slot)) {
      if (must_wait(*slot)) {
        held_.push_back(*slot);
        // At once: what the other rings take from now on may follow it.
        if (slot->requested == Operation::kBarrier && held_.front() == slot) {
          holding_ |= write_order_.try_raise(slot->index);
        }
        continue;
      }
      slot->ordered = true;
      write_order_.begin_write();
    }
    batch_[count++] = slot;
  }
  return count;
}

bool Queue::start_requests(bool progress) {
  if (!deferred_.empty()) {
    retry_deferred(progress);
    return false;
  }
  if (halted_ || closing_.load(std::memory_order_acquire)) return false;
  const Result<uint32_t> waiting = ring_.pending();
  if (!waiting) {
    halt();
    return false;
  }
  if (*waiting == 0) return false;
  // A barrier that is raised from here on finds them in the ring.
  holding_ = write_order_.look();
  submit_batch(take_requests(*waiting));
  // A disk that is done at once lets the frontend go on while we work: small
  // batches then, so that both are busy.  Others get all that there is.
  batch_limit_ = done_.load(std::memory_order_relaxed) != nullptr ? kFastBatch : kMaxBatch;
  return true;
}

// Writes that were held go on when no barrier is up any more; a barrier at
// their head goes to the disk when everything before it is done.
bool Queue::start_held() {
  uint32_t count = 0;
  while (count < kMaxBatch) {
    Slot* slot = held_.front();
    if (slot == nullptr) break;
    const bool barrier = slot->requested == Operation::kBarrier;
    if (barrier) {
      if (count != 0 || !write_order_.try_raise(slot->index)) break;
      holding_ = true;
      if (!write_order_.quiet()) break;
    } else if (holding_ && write_order_.follows(slot->index)) {
      break;
    }
    held_.remove(*slot);
    slot->ordered = true;
    write_order_.begin_write();
    batch_[count++] = slot;
    if (barrier) break;
  }
  submit_batch(count);
  return count != 0;
}

}  // namespace blkback
