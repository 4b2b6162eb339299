// SPDX-License-Identifier: GPL-2.0
#include "request/request.h"

#include <new>
#include <optional>

namespace blkback {

namespace {

// The private copy of a slot as the frontend's `Structure`.  Its bytes were copied by C code,
// which makes them the objects that they are used as.
template <typename Structure>
const Structure& view(const wire::RawSlot& slot) {
  static_assert(sizeof(Structure) <= sizeof(slot.bytes));
  static_assert(alignof(Structure) <= alignof(wire::RawSlot));
  return *std::launder(reinterpret_cast<const Structure*>(slot.bytes));
}

std::optional<Rejection> reject(const ResponseKey& key, Status status, const char* reason) {
  return Rejection{{status, reason}, key};
}

// Sets all members but the segments.
void begin(Request& request, const ResponseKey& key, Operation operation) {
  request.key = key;
  request.operation = operation;
  request.indirect = false;
  request.secure = false;
  request.segment_count = 0;
  request.descriptor_gref = 0;
  request.sector = 0;
  request.sectors = 0;
}

template <typename Wire>
std::optional<Rejection> parse_direct(const wire::RawSlot& slot, Operation operation,
                                      Request& request) {
  const auto& wire = view<typename Wire::Request>(slot);
  begin(request, {wire.id, wire.operation}, operation);
  if (wire.nr_segments > wire::kMaxDirectSegments) {
    return reject(request.key, Status::kError, "more than 11 segments");
  }
  // blkif.h of Xen: a flush or a barrier may come without data.
  if (wire.nr_segments == 0 && operation != Operation::kFlush && operation != Operation::kBarrier) {
    return reject(request.key, Status::kError, "no segments");
  }
  request.segment_count = wire.nr_segments;
  // Without data the sector number means nothing.
  if (wire.nr_segments != 0) request.sector = wire.sector_number;
  for (uint32_t i = 0; i < wire.nr_segments; ++i) {
    const Checked<Segment> segment = parse_segment(wire.seg[i]);
    if (!segment.has_value()) return Rejection{segment.error(), request.key};
    request.segments[i] = *segment;
    request.sectors += segment->sectors();
  }
  return std::nullopt;
}

template <typename Wire>
std::optional<Rejection> parse_indirect(const wire::RawSlot& slot, Request& request) {
  const auto& wire = view<typename Wire::Indirect>(slot);
  begin(request, {wire.id, wire.indirect_op},
        wire.indirect_op == BLKIF_OP_READ ? Operation::kRead : Operation::kWrite);
  if (wire.indirect_op != BLKIF_OP_READ && wire.indirect_op != BLKIF_OP_WRITE) {
    return reject(request.key, Status::kError, "an indirect request is neither a read nor a write");
  }
  if (wire.nr_segments == 0) return reject(request.key, Status::kError, "no segments");
  if (wire.nr_segments > wire::kMaxIndirectSegments) {
    return reject(request.key, Status::kError, "more than 256 segments");
  }
  request.indirect = true;
  request.segment_count = wire.nr_segments;
  request.sector = wire.sector_number;
  request.descriptor_gref = wire.indirect_grefs[0];
  return std::nullopt;
}

template <typename Wire>
std::optional<Rejection> parse_discard(const wire::RawSlot& slot, Request& request) {
  const auto& wire = view<typename Wire::Discard>(slot);
  begin(request, {wire.id, wire.operation}, Operation::kDiscard);
  request.secure = (wire.flag & BLKIF_DISCARD_SECURE) != 0;
  request.sector = wire.sector_number;
  request.sectors = wire.nr_sectors;
  if (wire.nr_sectors == 0) {
    return reject(request.key, Status::kError, "a discard of no sectors");
  }
  return std::nullopt;
}

template <typename Wire>
std::optional<Rejection> parse_as(const wire::RawSlot& slot, Request& request) {
  switch (slot.bytes[0]) {
    case BLKIF_OP_READ:
      return parse_direct<Wire>(slot, Operation::kRead, request);
    case BLKIF_OP_WRITE:
      return parse_direct<Wire>(slot, Operation::kWrite, request);
    case BLKIF_OP_FLUSH_DISKCACHE:
      return parse_direct<Wire>(slot, Operation::kFlush, request);
    case BLKIF_OP_WRITE_BARRIER:
      return parse_direct<Wire>(slot, Operation::kBarrier, request);
    case BLKIF_OP_DISCARD:
      return parse_discard<Wire>(slot, request);
    case BLKIF_OP_INDIRECT:
      return parse_indirect<Wire>(slot, request);
    default:
      break;
  }
  // The id has the same offset in every operation of the protocol.
  const auto& wire = view<typename Wire::Request>(slot);
  return reject({wire.id, wire.operation}, Status::kNotSupported, "unknown operation");
}

}  // namespace

Checked<Segment> parse_segment(const blkif_request_segment& descriptor) {
  if (descriptor.first_sect > descriptor.last_sect ||
      descriptor.last_sect >= wire::kSectorsPerPage) {
    return refusal(Status::kError, "sectors of a segment are not within its page");
  }
  return Segment{descriptor.gref, descriptor.first_sect, descriptor.last_sect};
}

std::optional<Rejection> parse(const wire::RawSlot& slot, wire::Layout layout, Request& request) {
  switch (layout) {
    case wire::Layout::kX86_32:
      return parse_as<wire::X86_32Wire>(slot, request);
    case wire::Layout::kX86_64:
      return parse_as<wire::X86_64Wire>(slot, request);
    case wire::Layout::kNative:
      break;
  }
  return parse_as<wire::NativeWire>(slot, request);
}

}  // namespace blkback
