// SPDX-License-Identifier: GPL-2.0
#include "support/slots.h"

#include <algorithm>
#include <cstring>

namespace kunit {

namespace {

template <typename T>
void store(uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof(value));
}

}  // namespace

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
  const bool packed = layout == Layout::kX86_32;
  std::memset(slot, 0x5a, packed ? 108 : 112);
  store(slot, request.operation);
  store(slot + 1, request.count);
  store(slot + 2, request.handle);
  store(slot + (packed ? 4 : 8), request.id);
  store(slot + (packed ? 12 : 16), request.sector);
  uint8_t* segment = slot + (packed ? 20 : 24);
  for (const RawSegment& part : request.parts) {
    store(segment, part.gref);
    store(segment + 4, part.first);
    store(segment + 5, part.last);
    segment += 8;
  }
}

void write_slot(uint8_t* slot, Layout layout, const IndirectAsk& request) {
  const bool packed = layout == Layout::kX86_32;
  std::memset(slot, 0x5a, packed ? 108 : 112);
  store(slot, uint8_t{BLKIF_OP_INDIRECT});
  store(slot + 1, request.indirect_op);
  store(slot + 2, request.count);
  store(slot + (packed ? 4 : 8), request.id);
  store(slot + (packed ? 12 : 16), request.sector);
  store(slot + (packed ? 20 : 24), request.handle);
  store(slot + (packed ? 24 : 28), request.gref);
}

void write_slot(uint8_t* slot, Layout layout, const DiscardAsk& request) {
  const bool packed = layout == Layout::kX86_32;
  std::memset(slot, 0x5a, packed ? 108 : 112);
  store(slot, uint8_t{BLKIF_OP_DISCARD});
  store(slot + 1, request.flag);
  store(slot + 2, request.handle);
  store(slot + (packed ? 4 : 8), request.id);
  store(slot + (packed ? 12 : 16), request.sector);
  store(slot + (packed ? 20 : 24), request.sectors);
}

}  // namespace kunit
