// SPDX-License-Identifier: GPL-2.0
#include "queue/submitter.h"

#include "base/trace.h"
#include "host/log.h"
#include "host/shared.h"
#include "queue/io_part.h"
#include "queue/trace.h"

namespace blkback {

void Submitter::submit(Batch& batch, const Pass& pass) {
  if (batch.empty()) return;
  const Limits limits = shortage_.limits(pass);
  map_descriptors(batch, limits, pass.now_ms);
  if (resources_.may_copy()) choose_copies(batch, pass.parameters.grant_copy_bytes);
  if (vbd_.copies()) take_buffers(batch, pass.now_ms);
  map_data(batch, limits, pass.now_ms);
  const Mapper::LookUps look_ups = resources_.mapper().take_look_ups();
  counters_.grant_hits.add(look_ups.hits);
  counters_.grant_misses.add(look_ups.misses);

  uint32_t ready = 0;
  for (Slot* slot : batch.slots()) {
    prepare_io(*slot, vbd_);
    ios_[ready++] = slot;
  }
  if (batch.size() > kQuickBatch) clock_.took_long();
  shortage_.plan_retry(ready != 0, completions_, pass.now_ms);
  hand_over(ready, pass.now_ms);
}

// Maps and reads the descriptors of the indirect requests.  Requests that wait or have failed
// leave the batch.
void Submitter::map_descriptors(Batch& batch, const Limits& limits, uint64_t now_ms) {
  bool some = false;
  for (Slot* slot : batch.slots()) {
    if (!slot->descriptors_unread) continue;
    some = true;
    slot->outcome = GrantJob::Outcome::kNoPages;
    if (!resources_.take_block(*slot)) continue;
    slot->all_grants()[0].gref = slot->descriptor_gref;
    slot->uses = slot->all_grants().first(1);
    slot->map_read_only = true;
    resources_.want(*slot);
  }
  if (!some) return;
  clock_.took_long();
  resources_.map(limits, now_ms);

  SlotList waiting;
  batch.keep_if([&](Slot& slot) {
    return !slot.descriptors_unread || (is_mapped(slot, waiting) && read_descriptors(slot));
  });
  shortage_.defer(waiting, now_ms);
}

// Copies the mapped page of descriptors once and parses the copy.  Returns false when the
// request is refused.
bool Submitter::read_descriptors(Slot& slot) {
  host_shared_copy(descriptors_, host_page_memory(slot.all_grants()[0].page),
                   slot.granted * sizeof(descriptors_[0]));
  const std::span<GrantUse> grants = slot.data_grants();
  const std::span<host_io_segment> segments = slot.guest_segments();
  uint64_t sectors = 0;
  for (uint32_t i = 0; i < slot.granted; ++i) {
    const Checked<Segment> segment = parse_segment(descriptors_[i]);
    if (!segment.has_value()) {
      refuse(slot, segment.error());
      return false;
    }
    slot.unaligned |= !vbd_.whole_blocks(*segment);
    grants[i].gref = segment->gref;
    segments[i].offset = segment->offset_bytes();
    segments[i].bytes = segment->bytes();
    sectors += segment->sectors();
  }
  const Checked<void> allowed = vbd_.check_range(slot.sector, sectors);
  if (!allowed.has_value()) {
    refuse(slot, allowed.error());
    return false;
  }
  slot.copied |= slot.unaligned;
  slot.sectors = sectors;
  slot.record.set_sectors(sectors);
  slot.descriptors_unread = false;
  (slot.requested == Operation::kRead ? counters_.sectors_read : counters_.sectors_written)
      .add(sectors);
  return true;
}

// Gives private pages to requests for whose data a copy by the hypervisor costs less than a
// mapping.  Without pages now they are mapped.
void Submitter::choose_copies(Batch& batch, uint32_t copy_bytes) {
  for (Slot* slot : batch.slots()) {
    if (slot->indirect || slot->granted == 0 || slot->unaligned) continue;
    // Data that must not change meanwhile is copied anyway, after a mapping.
    const bool worth =
        slot->sectors * wire::kSectorBytes <= copy_bytes || (slot->copied && copy_bytes != 0);
    if (worth) (void)resources_.take_private_pages(*slot);
  }
}

// Gives requests whose data is copied their buffers, before their data is mapped.  Requests
// that wait leave the batch.
void Submitter::take_buffers(Batch& batch, uint64_t now_ms) {
  SlotList waiting;
  batch.keep_if([&](Slot& slot) {
    if (!slot.copied || slot.grant_copied || resources_.take_buffer(slot)) return true;
    slot.outcome = GrantJob::Outcome::kNoPages;
    waiting.push_back(slot);
    return false;
  });
  shortage_.defer(waiting, now_ms);
}

void Submitter::map_data(Batch& batch, const Limits& limits, uint64_t now_ms) {
  for (Slot* slot : batch.slots()) {
    if (slot->grant_copied) continue;
    slot->uses = slot->data_grants();
    slot->map_read_only = slot->operation == HOST_IO_WRITE;
    resources_.want(*slot);
  }
  resources_.map(limits, now_ms);
  if (resources_.may_copy()) resources_.copy_from_guest(batch.slots());
  SlotList waiting;
  batch.keep_if([&](Slot& slot) { return is_mapped(slot, waiting); });
  shortage_.defer(waiting, now_ms);
}

// Did map() map all grants of the slot?  If not, moves the slot to `waiting` or fails it.
bool Submitter::is_mapped(Slot& slot, SlotList& waiting) {
  switch (slot.outcome) {
    case GrantJob::Outcome::kMapped:
      return true;
    case GrantJob::Outcome::kFailed:
      completions_.fail(slot, Status::kError);
      break;
    case GrantJob::Outcome::kNoPages:
    case GrantJob::Outcome::kNoHandles:
      waiting.push_back(slot);
      break;
  }
  return false;
}

// Logs a request that was taken but cannot be done, and fails it.
void Submitter::refuse(Slot& slot, const Refusal& refusal) {
  host_log_limited(&log_.limits.refused, HOST_LOG_WARNING,
                   "%s: request with operation %u for %u segments at sector %llu refused: %s",
                   log_.name, slot.duty.operation(), slot.granted,
                   static_cast<unsigned long long>(slot.sector), refusal.reason);
  counters_.refused.add(1);
  completions_.fail(slot, refusal.status);
}

void Submitter::submit_parts(SlotList& parts, uint64_t now_ms) {
  while (!parts.empty()) {
    uint32_t count = 0;
    while (count < Batch::kCapacity) {
      Slot* slot = parts.pop_front();
      if (slot == nullptr) break;
      prepare_next_part(*slot, vbd_);
      ios_[count++] = slot;
    }
    hand_over(count, now_ms);
  }
}

// Hands ios_[0..count) to the disk.
void Submitter::hand_over(uint32_t count, uint64_t now_ms) {
  if (count == 0) return;
  if (vbd_.copies()) clock_.took_long();
  const uint64_t now_ns = clock_.now_ns();
  for (host_io* io : std::span(ios_, count)) {
    Slot& slot = *static_cast<Slot*>(io);
    slot.record.submitted(now_ns);
    if (traced(HOST_TRACE_SUBMITTED)) trace_submitted(log_, slot);
  }
  completions_.expect(count, now_ms);
  host_disk_submit(ios_, count);
  clock_.took_long();
}

}  // namespace blkback
