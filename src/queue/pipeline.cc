// SPDX-License-Identifier: GPL-2.0
// What a queue does with requests: take, map, submit, finish, answer.
#include <algorithm>

#include "host/log.h"
#include "host/time.h"
#include "queue/queue.h"

namespace blkback {

void Queue::pass() {
  for (;;) {
    now_ms_ = host_time_ms();
    host_parameters_read(&parameters_);
    bool progress = finish_done();
    progress |= start_requests();
    // What the disk answered while we submitted joins this push.
    progress |= finish_done();
    if (answered_) {
      answered_ = false;
      if (ring_.push()) host_event_notify(channel_);
    }
    keep_limits();
    if (!progress && !more_requests()) break;
    host_thread_yield();
  }
  end_of_interrupt();
}

bool Queue::more_requests() {
  if (halted_ || closing_.load(std::memory_order_acquire)) return false;
  // Requests that wait for pages go first.
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
  host_log_limited(HOST_LOG_WARNING,
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

void Queue::answer(const Identity& identity, Status status) {
  ring_.respond(identity.id, identity.operation, static_cast<int16_t>(status));
  answered_ = true;
  if (status != Status::kOkay) errors_.add(1);
}

// Takes the next request.  Nothing when it was answered at once.
Slot* Queue::take_one() {
  wire::RawSlot raw;
  ring_.take(raw);
  const std::expected<Request, Rejection> parsed = parse(raw, ring_.layout());
  if (!parsed.has_value()) {
    const Rejection& rejection = parsed.error();
    host_log_limited(HOST_LOG_WARNING, "%s: request with operation %u refused: %s", name_,
                     rejection.identity.operation, rejection.reason);
    answer(rejection.identity, rejection.status);
    return nullptr;
  }
  const Request& request = *parsed;
  const Vbd::Verdict verdict = shared_.vbd.check(request);
  if (verdict.status != Status::kOkay) {
    host_log_limited(HOST_LOG_WARNING,
                     "%s: request with operation %u for %u sectors at %llu refused: %s", name_,
                     request.identity.operation, request.sectors,
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
      counters_.flushes.add(1);
      counters_.sectors_written.add(request.sectors);
      if (request.sectors == 0 && !shared_.vbd.flush_needed()) {
        answer(request.identity, Status::kOkay);
        return nullptr;
      }
      break;
  }

  Slot& slot = *free_.pop_front();
  slot.identity = request.identity;
  slot.status = Status::kOkay;
  slot.disk = shared_.vbd.disk();
  slot.sector = request.sector;
  slot.segments = slot.io_segments;
  slot.segment_count = request.segment_count;
  slot.flags = 0;
  slot.operation = request.operation == Operation::kRead ? HOST_IO_READ : HOST_IO_WRITE;
  if (request.operation == Operation::kFlush) {
    if (request.sectors == 0) {
      slot.operation = HOST_IO_FLUSH;
    } else if (shared_.vbd.flush_needed()) {
      // What was written before is durable first, and this with it.
      slot.flags = HOST_IO_PREFLUSH | HOST_IO_FUA;
    }
  }
  slot.guest_data_only_read = slot.operation == HOST_IO_WRITE;
  slot.uses = std::span<GrantUse>(slot.grants, request.segment_count);
  for (uint32_t i = 0; i < request.segment_count; ++i) {
    slot.grants[i].gref = request.segments[i].gref;
    slot.io_segments[i].offset = request.segments[i].offset_bytes();
    slot.io_segments[i].bytes = request.segments[i].bytes();
  }
  return &slot;
}

uint32_t Queue::take_requests(uint32_t waiting) {
  uint32_t count = 0;
  uint32_t grants = 0;
  while (waiting-- != 0 && count < kMaxBatch &&
         grants + wire::kMaxDirectSegments <= Mapper::kCapacity) {
    if (free_.empty()) {
      // As many slots as the ring has: only a frontend that moves its index
      // back and forth gets here.
      counters_.out_of_resources.add(1);
      break;
    }
    consumed_ = true;
    Slot* slot = take_one();
    if (slot == nullptr) continue;
    grants += slot->segment_count;
    batch_[count++] = slot;
  }
  return count;
}

bool Queue::start_requests() {
  if (!deferred_.empty()) {
    retry_deferred();
    return false;
  }
  if (halted_ || closing_.load(std::memory_order_acquire)) return false;
  const Result<uint32_t> waiting = ring_.pending();
  if (!waiting) {
    halt();
    return false;
  }
  if (*waiting == 0) return false;
  submit_batch(take_requests(*waiting));
  return true;
}

// Requests without pages are tried again in their order.
void Queue::retry_deferred() {
  uint32_t count = 0;
  uint32_t grants = 0;
  while (count < kMaxBatch && grants + wire::kMaxDirectSegments <= Mapper::kCapacity) {
    Slot* slot = deferred_.pop_front();
    if (slot == nullptr) break;
    grants += slot->segment_count;
    batch_[count++] = slot;
  }
  submit_batch(count);
}

void Queue::prepare_io(Slot& slot) {
  for (uint32_t i = 0; i < slot.segment_count; ++i) slot.io_segments[i].page = slot.grants[i].page;
}

// Maps and submits batch_[0..count).
void Queue::submit_batch(uint32_t count) {
  if (count == 0) return;
  for (uint32_t i = 0; i < count; ++i) jobs_[i] = batch_[i];
  mapper_.map(std::span<GrantJob* const>(jobs_, count), limits(), now_ms_);

  uint32_t ready = 0;
  bool starved = false;
  for (uint32_t i = 0; i < count; ++i) {
    Slot& slot = *batch_[i];
    switch (slot.outcome) {
      case GrantJob::Outcome::kMapped:
        prepare_io(slot);
        ios_[ready++] = &slot;
        break;
      case GrantJob::Outcome::kFailed:
        slot.status = Status::kError;
        failed_.push_back(slot);
        break;
      case GrantJob::Outcome::kNoPages:
        starved = true;
        deferred_.push_back(slot);
        break;
    }
  }
  if (starved) counters_.out_of_resources.add(1);
  if (ready == 0) return;
  in_flight_.fetch_add(ready, std::memory_order_relaxed);
  host_disk_submit(ios_, ready);
}

// Puts into `done` what has come to an end since the last time, in the order
// in which it did.
void Queue::collect_done(SlotList& done) {
  done.append(failed_);
  while (Slot* slot = busy_.pop_front()) done.push_back(*slot);
  Slot* newest = done_.exchange(nullptr, std::memory_order_acquire);
  SlotList fresh;
  while (newest != nullptr) {
    Slot* next = newest->next_done;
    if (newest->error != 0) {
      newest->status = newest->error == -kEopNotSupp ? Status::kNotSupported : Status::kError;
    }
    fresh.push_front(*newest);
    newest = next;
  }
  done.append(fresh);
}

// Unmaps and answers what is done.  False when there was nothing.
bool Queue::finish_done() {
  SlotList done;
  collect_done(done);
  bool progress = false;
  for (;;) {
    uint32_t count = 0;
    uint32_t grants = 0;
    while (count < kMaxBatch && grants + wire::kMaxDirectSegments <= Mapper::kCapacity) {
      Slot* slot = done.pop_front();
      if (slot == nullptr) break;
      if (Mapper::busy(*slot)) {
        busy_.push_back(*slot);
        continue;
      }
      grants += slot->segment_count;
      batch_[count++] = slot;
    }
    if (count == 0) return progress;
    finish(std::span<Slot* const>(batch_, count));
    progress = true;
  }
}

void Queue::finish(std::span<Slot* const> slots) {
  for (uint32_t i = 0; i < slots.size(); ++i) jobs_[i] = slots[i];
  // Since XSA-396 a frontend gives up the device when an answered request's
  // grant is still mapped: unmap first.
  mapper_.release(std::span<GrantJob* const>(jobs_, slots.size()), now_ms_);
  for (Slot* slot : slots) {
    answer(slot->identity, slot->status);
    free_.push_front(*slot);
  }
}

}  // namespace blkback
