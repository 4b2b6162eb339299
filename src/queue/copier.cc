// SPDX-License-Identifier: GPL-2.0
#include "queue/copier.h"

#include "base/trace.h"
#include "host/log.h"

namespace blkback {

bool Copier::take_pages(Slot& slot) {
  for (uint32_t i = 0; i < slot.granted; ++i) {
    host_page* page = pages_.take();
    if (page == nullptr) {
      while (i != 0) pages_.put(slot.direct_segments[--i].page);
      return false;
    }
    slot.direct_segments[i].page = page;
  }
  slot.grant_copied = true;
  slot.outcome = GrantJob::Outcome::kMapped;
  return true;
}

void Copier::put_pages(Slot& slot) {
  for (const host_io_segment& segment : slot.guest_segments()) pages_.put(segment.page);
  slot.grant_copied = false;
}

bool Copier::copy_from_guest(Slots slots) { return copy(slots, HOST_GRANT_COPY_FROM_GUEST); }

bool Copier::copy_to_guest(Slots slots) { return copy(slots, HOST_GRANT_COPY_TO_GUEST); }

bool Copier::wanted(const Slot& slot, host_grant_copy_direction direction) {
  if (!slot.grant_copied) return false;
  if (direction == HOST_GRANT_COPY_FROM_GUEST) return slot.operation == HOST_IO_WRITE;
  return slot.operation == HOST_IO_READ && slot.status == Status::kOkay;
}

// Makes the copies, as many with one hypercall as the batch holds.
bool Copier::copy(Slots slots, host_grant_copy_direction direction) {
  if (!pages_.in_use()) return false;
  static_assert(Mapper::kCapacity * sizeof(host_grant_map_op) / sizeof(host_grant_copy_op) >=
                wire::kMaxDirectSegments);
  const uint64_t calls = counters_.calls.get();
  const uint32_t capacity = batch_.copy_capacity();
  uint32_t count = 0;
  size_t first = 0;
  for (size_t i = 0; i < slots.size(); ++i) {
    const Slot& slot = *slots[i];
    if (!wanted(slot, direction)) continue;
    if (count + slot.granted > capacity) {
      execute(slots.subspan(first, i - first), direction, count);
      first = i;
      count = 0;
    }
    for (uint32_t s = 0; s < slot.granted; ++s) {
      const host_io_segment& segment = slot.direct_segments[s];
      batch_.copies()[count++] = host_grant_copy_op{.page = segment.page,
                                                    .gref = slot.direct_grants[s].gref,
                                                    .offset = static_cast<uint16_t>(segment.offset),
                                                    .bytes = static_cast<uint16_t>(segment.bytes),
                                                    .reserved = {},
                                                    .direction = static_cast<uint16_t>(direction),
                                                    .reserved2 = 0,
                                                    .status = 0,
                                                    .reserved3 = 0};
    }
  }
  execute(slots.subspan(first), direction, count);
  return counters_.calls.get() != calls;
}

// Makes the `count` copies of `slots` that are in the batch, and looks at their results.
void Copier::execute(Slots slots, host_grant_copy_direction direction, uint32_t count) {
  if (count == 0) return;
  host_grant_copy(batch_.scratch(), domid_, batch_.copies(), count);
  counters_.calls.add(1);
  uint32_t copied = 0;
  const host_grant_copy_op* op = batch_.copies();
  for (Slot* slot : slots) {
    if (!wanted(*slot, direction)) continue;
    bool failed = false;
    for (uint32_t s = 0; s < slot->granted; ++s) {
      const int16_t status = (op++)->status;
      if (status == 0) {
        ++copied;
        continue;
      }
      failed = true;
      host_log_limited(&log_.limits.grants, HOST_LOG_WARNING,
                       "%s: grant reference %u could not be copied: status %d", log_.name,
                       slot->direct_grants[s].gref, status);
    }
    if (!failed) continue;
    slot->outcome = GrantJob::Outcome::kFailed;
    slot->status = Status::kError;
  }
  counters_.grants.add(copied);
  if (traced(HOST_TRACE_GRANTS)) host_trace_grants(&log_.ring, 0, 0, copied, pool_.free_pages());
}

}  // namespace blkback
