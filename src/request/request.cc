// SPDX-License-Identifier: GPL-2.0
#include "request/request.h"

#include <bit>
#include <optional>

namespace blkback {

namespace {

// The private copy is the frontend's bytes: take them as its structure.
template <typename Wire>
Wire decode(const wire::RawSlot& slot) {
  struct Head {
    uint8_t bytes[sizeof(Wire)];
  };
  Head head;
  for (uint32_t i = 0; i < sizeof(Wire); ++i) head.bytes[i] = slot.bytes[i];
  return std::bit_cast<Wire>(head);
}

std::optional<Operation> operation_of(uint8_t operation) {
  switch (operation) {
    case BLKIF_OP_READ:
      return Operation::kRead;
    case BLKIF_OP_WRITE:
      return Operation::kWrite;
    case BLKIF_OP_FLUSH_DISKCACHE:
      return Operation::kFlush;
    default:
      return std::nullopt;
  }
}

template <typename Wire>
std::expected<Request, Rejection> parse_as(const wire::RawSlot& slot) {
  const Wire wire = decode<Wire>(slot);
  // Every operation of the protocol keeps the id in the same place.
  const Identity identity{wire.id, wire.operation};
  const auto reject = [&identity](Status status, const char* reason) {
    return std::unexpected<Rejection>(Rejection{identity, status, reason});
  };

  const std::optional<Operation> operation = operation_of(wire.operation);
  if (!operation) return reject(Status::kNotSupported, "operation is not offered");
  if (wire.nr_segments > wire::kMaxDirectSegments) {
    return reject(Status::kError, "more than 11 segments");
  }
  if (wire.nr_segments == 0 && *operation != Operation::kFlush) {
    return reject(Status::kError, "no segments");
  }

  Request request;
  request.identity = identity;
  request.operation = *operation;
  request.segment_count = wire.nr_segments;
  request.sectors = 0;
  request.sector = wire.sector_number;
  for (uint32_t i = 0; i < wire.nr_segments; ++i) {
    const blkif_request_segment& segment = wire.seg[i];
    if (segment.first_sect > segment.last_sect || segment.last_sect >= wire::kSectorsPerPage) {
      return reject(Status::kError, "sectors of a segment are not within its page");
    }
    request.segments[i] = Segment{segment.gref, segment.first_sect, segment.last_sect};
    request.sectors += request.segments[i].sectors();
  }
  return request;
}

}  // namespace

std::expected<Request, Rejection> parse(const wire::RawSlot& slot, wire::Layout layout) {
  switch (layout) {
    case wire::Layout::kX86_32:
      return parse_as<wire::RequestX86_32>(slot);
    case wire::Layout::kX86_64:
      return parse_as<wire::RequestX86_64>(slot);
    case wire::Layout::kNative:
      break;
  }
  return parse_as<wire::RequestNative>(slot);
}

}  // namespace blkback
