// SPDX-License-Identifier: GPL-2.0
// How a queue starts requests: read descriptors, map, submit.
#include <algorithm>

#include "host/log.h"
#include "host/shared.h"
#include "queue/queue.h"

namespace blkback {

// Maps jobs_[0..count), as many with one hypercall as the mapper can.
void Queue::map_jobs(uint32_t count) {
  uint32_t first = 0;
  uint32_t grants = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const auto wanted = static_cast<uint32_t>(jobs_[i]->uses.size());
    if (grants + wanted > Mapper::kCapacity) {
      mapper_.map(std::span<GrantJob* const>(jobs_ + first, i - first), limits(), now_ms_);
      first = i;
      grants = 0;
    }
    grants += wanted;
  }
  if (first != count) {
    mapper_.map(std::span<GrantJob* const>(jobs_ + first, count - first), limits(), now_ms_);
  }
}

// Ends a request that was taken but cannot be done.
void Queue::refuse(Slot& slot, Status status, const char* reason) {
  host_log_limited(&shared_.log.refused, HOST_LOG_WARNING,
                   "%s: request with operation %u for %u segments at sector %llu refused: %s",
                   name_, slot.identity.operation, slot.granted,
                   static_cast<unsigned long long>(slot.sector), reason);
  slot.status = status;
  failed_.push_back(slot);
}

// Reads the mapped page of descriptors, once.  False when the request is
// refused.
bool Queue::read_descriptors(Slot& slot) {
  host_shared_copy(descriptors_, host_page_memory(slot.all_grants()[0].page),
                   slot.granted * sizeof(descriptors_[0]));
  const std::span<GrantUse> grants = slot.data_grants();
  const std::span<host_io_segment> segments = slot.guest_segments();
  uint64_t sectors = 0;
  for (uint32_t i = 0; i < slot.granted; ++i) {
    const std::expected<Segment, const char*> segment = parse_segment(descriptors_[i]);
    if (!segment.has_value()) {
      refuse(slot, Status::kError, segment.error());
      return false;
    }
    slot.copied |= !shared_.vbd.whole_blocks(*segment);
    grants[i].gref = segment->gref;
    segments[i].offset = segment->offset_bytes();
    segments[i].bytes = segment->bytes();
    sectors += segment->sectors();
  }
  const Vbd::Verdict verdict = shared_.vbd.check_range(slot.sector, sectors);
  if (verdict.status != Status::kOkay) {
    refuse(slot, verdict.status, verdict.reason);
    return false;
  }
  slot.sectors = sectors;
  (slot.requested == Operation::kRead ? counters_.sectors_read : counters_.sectors_written)
      .add(sectors);
  return true;
}

// Maps and reads the descriptors of indirect requests among batch_[0..count).
// What cannot go on leaves the batch; returns how many stay.
uint32_t Queue::map_descriptors(uint32_t count) {
  uint32_t jobs = 0;
  for (uint32_t i = 0; i < count; ++i) {
    Slot& slot = *batch_[i];
    if (slot.stage != Slot::Stage::kDescriptors) continue;
    if (slot.block == nullptr) slot.block = blocks_.take(slot.granted);
    slot.outcome = GrantJob::Outcome::kNoPages;
    if (slot.block == nullptr) continue;
    slot.all_grants()[0].gref = slot.descriptor_gref;
    slot.uses = slot.all_grants().first(1);
    slot.guest_data_only_read = true;
    jobs_[jobs++] = &slot;
  }
  if (jobs != 0) map_jobs(jobs);

  SlotList waiting;
  uint32_t stay = 0;
  for (uint32_t i = 0; i < count; ++i) {
    Slot& slot = *batch_[i];
    if (slot.stage == Slot::Stage::kDescriptors) {
      if (slot.outcome == GrantJob::Outcome::kNoPages ||
          slot.outcome == GrantJob::Outcome::kNoHandles) {
        waiting.push_back(slot);
        continue;
      }
      if (slot.outcome == GrantJob::Outcome::kFailed) {
        slot.status = Status::kError;
        failed_.push_back(slot);
        continue;
      }
      if (!read_descriptors(slot)) continue;
      slot.stage = Slot::Stage::kData;
    }
    batch_[stay++] = &slot;
  }
  defer(waiting);
  return stay;
}

// Requests whose data is copied get their buffers before anything is mapped for
// them.  What cannot go on leaves the batch; returns how many stay.
uint32_t Queue::take_buffers(uint32_t count) {
  SlotList waiting;
  uint32_t stay = 0;
  for (uint32_t i = 0; i < count; ++i) {
    Slot& slot = *batch_[i];
    if (slot.copied && slot.bounce == nullptr) {
      slot.bounce = bounce_.take(slot.sectors * wire::kSectorBytes);
      if (slot.bounce == nullptr) {
        slot.outcome = GrantJob::Outcome::kNoPages;
        waiting.push_back(slot);
        continue;
      }
    }
    batch_[stay++] = &slot;
  }
  defer(waiting);
  return stay;
}

// As much of a request as its buffer holds.
void Queue::prepare_copied_part(Slot& slot) {
  BounceBuffer& buffer = *slot.bounce;
  slot.sectors = std::min(slot.sectors_left, buffer.bytes() / wire::kSectorBytes);
  slot.sectors_left -= slot.sectors;
  const uint64_t bytes = slot.sectors * wire::kSectorBytes;
  slot.segment_count = buffer.lay_out(bytes);
  slot.segments = buffer.segments().data();
  if (slot.operation == HOST_IO_WRITE) buffer.copy_from(slot.guest_segments(), bytes);
}

void Queue::prepare_next_part(Slot& slot) const {
  slot.sector += slot.sectors;
  if (slot.bounce == nullptr) {
    prepare_discard_part(slot);
    return;
  }
  slot.bounce->moved += slot.sectors * wire::kSectorBytes;
  // The first part carried the flush before the data.
  slot.flags &= static_cast<uint8_t>(~HOST_IO_PREFLUSH);
  prepare_copied_part(slot);
}

void Queue::prepare_discard_part(Slot& slot) const {
  slot.sectors = shared_.vbd.discard_part(slot.sector, slot.sectors_left,
                                          slot.operation == HOST_IO_SECURE_DISCARD);
  slot.sectors_left -= slot.sectors;
}

void Queue::prepare_io(Slot& slot) {
  slot.stage = Slot::Stage::kSubmit;
  if (slot.requested == Operation::kDiscard) {
    prepare_discard_part(slot);
    return;
  }
  const std::span<host_io_segment> segments = slot.guest_segments();
  const std::span<GrantUse> grants = slot.data_grants();
  for (uint32_t i = 0; i < slot.granted; ++i) segments[i].page = grants[i].page;
  if (slot.bounce != nullptr) {
    slot.sectors_left = slot.sectors;
    prepare_copied_part(slot);
    return;
  }
  slot.segments = segments.data();
}

// Hands ios_[0..count) to the disk.
void Queue::submit_ready(uint32_t count) {
  if (count == 0) return;
  if (in_flight_.load(std::memory_order_relaxed) == 0) {
    progress_ms_.store(now_ms_, std::memory_order_relaxed);
  }
  // Pairs with stalled_ms().
  in_flight_.fetch_add(count, std::memory_order_release);
  host_disk_submit(ios_, count);
}

// Maps and submits batch_[0..count).
void Queue::submit_batch(uint32_t count) {
  if (count == 0) return;
  count = map_descriptors(count);
  if (shared_.vbd.copies()) count = take_buffers(count);
  for (uint32_t i = 0; i < count; ++i) {
    Slot& slot = *batch_[i];
    slot.uses = slot.data_grants();
    slot.guest_data_only_read = slot.operation == HOST_IO_WRITE;
    jobs_[i] = &slot;
  }
  map_jobs(count);

  uint32_t ready = 0;
  SlotList waiting;
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
      case GrantJob::Outcome::kNoHandles:
        waiting.push_back(slot);
        break;
    }
  }
  defer(waiting);
  plan_retry(ready != 0);
  submit_ready(ready);
}

// A discard goes to the disk part by part, so that it never fills the disk's
// queue and holds up the ring; so does what is copied through the reserve.
bool Queue::submit_parts() {
  bool any = false;
  while (!parts_.empty()) {
    uint32_t count = 0;
    while (count < kMaxBatch) {
      Slot* slot = parts_.pop_front();
      if (slot == nullptr) break;
      prepare_next_part(*slot);
      ios_[count++] = slot;
    }
    submit_ready(count);
    any = true;
  }
  return any;
}

}  // namespace blkback
