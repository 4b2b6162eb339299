// SPDX-License-Identifier: GPL-2.0
// How a queue ends requests: collect, unmap, answer.
#include "host/log.h"
#include "queue/queue.h"

namespace blkback {

void Queue::answer(const Identity& identity, Status status) {
  ring_.respond(identity.id, identity.operation, static_cast<int16_t>(status));
  answered_ = true;
  if (status != Status::kOkay) errors_.add(1);
}

// Puts into `done` what has come to an end since the last time, in the order
// in which it did.
void Queue::collect_done(SlotList& done) {
  done.append(failed_);
  while (Slot* slot = busy_.pop_front()) done.push_back(*slot);
  Slot* newest = done_.exchange(nullptr, std::memory_order_acquire);
  if (newest != nullptr) progress_ms_.store(now_ms_, std::memory_order_relaxed);
  SlotList fresh;
  while (newest != nullptr) {
    Slot* next = newest->next_done;
    if (newest->error != 0) {
      newest->status = newest->error == -kEopNotSupp ? Status::kNotSupported : Status::kError;
      newest->sectors_left = 0;
      log_failure(*newest);
    } else if (newest->bounce != nullptr) {
      if (newest->operation == HOST_IO_READ) {
        newest->bounce->copy_to(newest->guest_segments(), newest->sectors * wire::kSectorBytes);
      }
    } else if (newest->sectors_left != 0 && closing_.load(std::memory_order_acquire)) {
      // Nobody waits for the rest of the discard any more.
      newest->status = Status::kError;
      newest->sectors_left = 0;
    }
    fresh.push_front(*newest);
    newest = next;
  }
  done.append(fresh);
}

void Queue::log_failure(const Slot& slot) {
  if (slot.requested == Operation::kFlush || slot.requested == Operation::kBarrier) {
    host_log_limited(&shared_.log.flush, HOST_LOG_ERROR,
                     "%s: a flush failed with error %d; a Linux frontend that is told so does not "
                     "flush this disk any more until it reconnects",
                     name_, slot.error);
    return;
  }
  host_log_limited(&shared_.log.failed, HOST_LOG_WARNING,
                   "%s: request with operation %u at sector %llu: error %d", name_,
                   slot.identity.operation, static_cast<unsigned long long>(slot.sector),
                   slot.error);
}

bool Queue::done_waits() const {
  return done_.load(std::memory_order_relaxed) != nullptr || !failed_.empty();
}

// Unmaps and answers what is done.  False when there was nothing.
bool Queue::finish_done() {
  if (!done_waits() && busy_.empty()) return false;
  SlotList done;
  collect_done(done);
  bool progress = false;
  for (;;) {
    uint32_t count = 0;
    while (count < kMaxBatch) {
      Slot* slot = done.pop_front();
      if (slot == nullptr) break;
      slot->uses = slot->all_grants();
      if (Mapper::busy(*slot) || bounce_.busy(slot->bounce)) {
        busy_.push_back(*slot);
        continue;
      }
      if (slot->sectors_left != 0) {
        parts_.push_back(*slot);
        continue;
      }
      batch_[count++] = slot;
    }
    if (count == 0) break;
    finish(std::span<Slot* const>(batch_, count));
    progress = true;
  }
  return submit_parts() || progress;
}

void Queue::finish(std::span<Slot* const> slots) {
  for (uint32_t i = 0; i < slots.size(); ++i) jobs_[i] = slots[i];
  // Since XSA-396 a frontend gives up the device when an answered request's
  // grant is still mapped: unmap first.
  mapper_.release(std::span<GrantJob* const>(jobs_, slots.size()), now_ms_);
  shared_.pool.wake_waiters();
  for (Slot* slot : slots) {
    answer(slot->identity, slot->status);
    if (slot->ordered) {
      slot->ordered = false;
      write_order_.end_write();
      if (slot->requested == Operation::kBarrier) write_order_.lower();
    }
    if (slot->block != nullptr) {
      blocks_.put(*slot->block);
      slot->block = nullptr;
    }
    if (slot->bounce != nullptr) {
      bounce_.put(*slot->bounce);
      slot->bounce = nullptr;
    }
    free_.push_front(*slot);
  }
}

}  // namespace blkback
