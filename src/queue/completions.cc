// SPDX-License-Identifier: GPL-2.0
#include "queue/completions.h"

#include "host/log.h"
#include "queue/io_part.h"

namespace blkback {

void Completions::expect(uint32_t count, uint64_t now_ms) {
  if (in_flight_.load(std::memory_order_relaxed) == 0) {
    progress_ms_.store(now_ms, std::memory_order_relaxed);
  }
  // Pairs with stalled_ms().
  in_flight_.fetch_add(count, std::memory_order_release);
}

void Completions::add(Slot& slot) {
  Slot* head = done_.load(std::memory_order_relaxed);
  do {
    slot.next_done = head;
  } while (!done_.compare_exchange_weak(head, &slot, std::memory_order_release,
                                        std::memory_order_relaxed));
}

uint64_t Completions::stalled_ms(uint64_t now_ms) const {
  // Read in this order: expect() stores the time before it counts the first I/O.
  if (in_flight_.load(std::memory_order_acquire) == 0) return 0;
  const uint64_t progress_ms = progress_ms_.load(std::memory_order_relaxed);
  return now_ms > progress_ms ? now_ms - progress_ms : 0;
}

void Completions::collect(const Pass& pass, uint64_t now_ns, SlotList& done) {
  done.append(failed_);
  done.append(busy_);
  Slot* newest = done_.exchange(nullptr, std::memory_order_acquire);
  if (newest != nullptr) progress_ms_.store(pass.now_ms, std::memory_order_relaxed);
  SlotList fresh;
  while (newest != nullptr) {
    Slot* next = newest->next_done;
    newest->record.ended(now_ns);
    end_part(*newest, pass.closing);
    fresh.push_front(*newest);
    newest = next;
  }
  done.append(fresh);
}

void Completions::end_part(Slot& slot, bool closing) {
  if (slot.error != 0) {
    slot.status = slot.error == -kEopNotSupp ? Status::kNotSupported : Status::kError;
    slot.sectors_left = 0;
    log_failure(slot);
    return;
  }
  finish_part(slot);
  // The queue is closing: nobody waits for the remaining parts of a discard.
  if (closing && slot.sectors_left != 0 && slot.bounce == nullptr) {
    slot.status = Status::kError;
    slot.sectors_left = 0;
  }
}

void Completions::log_failure(const Slot& slot) {
  if (slot.requested == Operation::kFlush || slot.requested == Operation::kBarrier) {
    host_log_limited(&log_.limits.flush, HOST_LOG_ERROR,
                     "%s: a flush failed with error %d; a Linux frontend that is told so does not "
                     "flush this disk any more until it reconnects",
                     log_.name, slot.error);
    return;
  }
  host_log_limited(&log_.limits.failed, HOST_LOG_WARNING,
                   "%s: request with operation %u at sector %llu: error %d", log_.name,
                   slot.duty.operation(), static_cast<unsigned long long>(slot.sector), slot.error);
}

void Completions::sort(SlotList& done, const Resources& resources, Batch& batch, SlotList& parts) {
  while (!batch.full()) {
    Slot* slot = done.pop_front();
    if (slot == nullptr) break;
    if (resources.busy(*slot)) {
      busy_.push_back(*slot);
    } else if (slot->sectors_left != 0) {
      parts.push_back(*slot);
    } else {
      batch.push_back(*slot);
    }
  }
}

}  // namespace blkback
