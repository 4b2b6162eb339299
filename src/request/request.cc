// SPDX-License-Identifier: GPL-2.0
#include "request/request.h"

#include <bit>

namespace blkback {

namespace {

// Reads the private copy of a slot as the frontend's `Structure`.
template <typename Structure>
Structure decode(const wire::RawSlot& slot) {
  static_assert(sizeof(Structure) <= sizeof(slot.bytes));
  struct Head {
    uint8_t bytes[sizeof(Structure)];
  };
  Head head{};
  for (uint32_t i = 0; i < sizeof(Structure); ++i) head.bytes[i] = slot.bytes[i];
  return std::bit_cast<Structure>(head);
}

std::unexpected<Rejection> reject(const ResponseKey& key, Status status, const char* reason) {
  return std::unexpected<Rejection>(Rejection{{status, reason}, key});
}

template <typename Wire>
std::expected<Request, Rejection> parse_direct(const wire::RawSlot& slot, Operation operation) {
  const auto wire = decode<typename Wire::Request>(slot);
  Request request;
  request.key = {wire.id, wire.operation};
  request.operation = operation;
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
    if (!segment.has_value()) {
      return std::unexpected<Rejection>(Rejection{segment.error(), request.key});
    }
    request.segments[i] = *segment;
    request.sectors += segment->sectors();
  }
  return request;
}

template <typename Wire>
std::expected<Request, Rejection> parse_indirect(const wire::RawSlot& slot) {
  const auto wire = decode<typename Wire::Indirect>(slot);
  Request request;
  request.key = {wire.id, wire.indirect_op};
  request.indirect = true;
  if (wire.indirect_op == BLKIF_OP_READ) {
    request.operation = Operation::kRead;
  } else if (wire.indirect_op == BLKIF_OP_WRITE) {
    request.operation = Operation::kWrite;
  } else {
    return reject(request.key, Status::kError, "an indirect request is neither a read nor a write");
  }
  if (wire.nr_segments == 0) return reject(request.key, Status::kError, "no segments");
  if (wire.nr_segments > wire::kMaxIndirectSegments) {
    return reject(request.key, Status::kError, "more than 256 segments");
  }
  request.segment_count = wire.nr_segments;
  request.sector = wire.sector_number;
  request.descriptor_gref = wire.indirect_grefs[0];
  return request;
}

template <typename Wire>
std::expected<Request, Rejection> parse_discard(const wire::RawSlot& slot) {
  const auto wire = decode<typename Wire::Discard>(slot);
  Request request;
  request.key = {wire.id, wire.operation};
  request.operation = Operation::kDiscard;
  request.secure = (wire.flag & BLKIF_DISCARD_SECURE) != 0;
  request.sector = wire.sector_number;
  request.sectors = wire.nr_sectors;
  if (wire.nr_sectors == 0) {
    return reject(request.key, Status::kError, "a discard of no sectors");
  }
  return request;
}

template <typename Wire>
std::expected<Request, Rejection> parse_as(const wire::RawSlot& slot) {
  switch (slot.bytes[0]) {
    case BLKIF_OP_READ:
      return parse_direct<Wire>(slot, Operation::kRead);
    case BLKIF_OP_WRITE:
      return parse_direct<Wire>(slot, Operation::kWrite);
    case BLKIF_OP_FLUSH_DISKCACHE:
      return parse_direct<Wire>(slot, Operation::kFlush);
    case BLKIF_OP_WRITE_BARRIER:
      return parse_direct<Wire>(slot, Operation::kBarrier);
    case BLKIF_OP_DISCARD:
      return parse_discard<Wire>(slot);
    case BLKIF_OP_INDIRECT:
      return parse_indirect<Wire>(slot);
    default:
      break;
  }
  // The id has the same offset in every operation of the protocol.
  const auto wire = decode<typename Wire::Request>(slot);
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

std::expected<Request, Rejection> parse(const wire::RawSlot& slot, wire::Layout layout) {
  switch (layout) {
    case wire::Layout::kX86_32:
      return parse_as<wire::X86_32Wire>(slot);
    case wire::Layout::kX86_64:
      return parse_as<wire::X86_64Wire>(slot);
    case wire::Layout::kNative:
      break;
  }
  return parse_as<wire::NativeWire>(slot);
}

}  // namespace blkback
