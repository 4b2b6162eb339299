// SPDX-License-Identifier: GPL-2.0
#include "support/slots.h"

#include <algorithm>
#include <cstring>

#include "support/wire.h"

namespace kunit {

using wire::store;

RawRequest ask(uint8_t operation, uint64_t id, uint64_t sector,
               std::initializer_list<RawSegment> parts) {
  RawRequest request{.operation = operation,
                     .count = static_cast<uint8_t>(parts.size()),
                     .id = id,
                     .sector = sector};
  std::copy(parts.begin(), parts.end(), request.parts);
  return request;
}

void write_slot(uint8_t* slot, Layout layout, const RawRequest& request) {
  const wire::Offsets& at = wire::offsets(layout);
  std::memset(slot, 0x5a, at.slot_bytes);
  store(slot, request.operation);
  store(slot + 1, request.count);
  store(slot + 2, request.handle);
  store(slot + at.id, request.id);
  store(slot + at.sector, request.sector);
  uint8_t* segment = slot + at.rest;
  for (const RawSegment& part : request.parts) {
    wire::store_segment(segment, {part.gref, part.first, part.last});
    segment += wire::kSegmentBytes;
  }
}

void write_slot(uint8_t* slot, Layout layout, const IndirectAsk& request) {
  const wire::Offsets& at = wire::offsets(layout);
  std::memset(slot, 0x5a, at.slot_bytes);
  store(slot, uint8_t{BLKIF_OP_INDIRECT});
  store(slot + 1, request.indirect_op);
  store(slot + 2, request.count);
  store(slot + at.id, request.id);
  store(slot + at.sector, request.sector);
  store(slot + at.rest, request.handle);
  store(slot + at.indirect_gref, request.gref);
}

void write_slot(uint8_t* slot, Layout layout, const DiscardAsk& request) {
  const wire::Offsets& at = wire::offsets(layout);
  std::memset(slot, 0x5a, at.slot_bytes);
  store(slot, uint8_t{BLKIF_OP_DISCARD});
  store(slot + 1, request.flag);
  store(slot + 2, request.handle);
  store(slot + at.id, request.id);
  store(slot + at.sector, request.sector);
  store(slot + at.rest, request.sectors);
}

}  // namespace kunit
