// SPDX-License-Identifier: GPL-2.0
#include "queue/io_part.h"

#include <algorithm>

namespace blkback {
namespace {

void prepare_discard_part(Slot& slot, const Vbd& vbd) {
  slot.sectors =
      vbd.discard_part(slot.sector, slot.sectors_left, slot.operation == HOST_IO_SECURE_DISCARD);
  slot.sectors_left -= slot.sectors;
}

// Prepares as much of the request as its buffer holds.
void prepare_copied_part(Slot& slot) {
  BounceBuffer& buffer = *slot.bounce;
  slot.sectors = std::min(slot.sectors_left, buffer.bytes() / wire::kSectorBytes);
  slot.sectors_left -= slot.sectors;
  const uint64_t bytes = slot.sectors * wire::kSectorBytes;
  slot.segment_count = buffer.lay_out(bytes);
  slot.segments = buffer.segments().data();
  if (slot.operation == HOST_IO_WRITE) buffer.copy_from(slot.guest_segments(), bytes);
}

}  // namespace

void prepare_io(Slot& slot, const Vbd& vbd) {
  if (slot.requested == Operation::kDiscard) {
    prepare_discard_part(slot, vbd);
    return;
  }
  const std::span<host_io_segment> segments = slot.guest_segments();
  if (slot.grant_copied) {
    slot.segments = segments.data();
    return;
  }
  const std::span<GrantUse> grants = slot.data_grants();
  for (uint32_t i = 0; i < slot.granted; ++i) segments[i].page = grants[i].page;
  if (slot.bounce != nullptr) {
    slot.sectors_left = slot.sectors;
    prepare_copied_part(slot);
    return;
  }
  slot.segments = segments.data();
}

void prepare_next_part(Slot& slot, const Vbd& vbd) {
  slot.sector += slot.sectors;
  if (slot.bounce == nullptr) {
    prepare_discard_part(slot, vbd);
    return;
  }
  slot.bounce->moved += slot.sectors * wire::kSectorBytes;
  // The flush before the data went with the first part.
  slot.flags &= static_cast<uint8_t>(~HOST_IO_PREFLUSH);
  prepare_copied_part(slot);
}

void finish_part(Slot& slot) {
  if (slot.bounce == nullptr || slot.operation != HOST_IO_READ) return;
  slot.bounce->copy_to(slot.guest_segments(), slot.sectors * wire::kSectorBytes);
}

}  // namespace blkback
