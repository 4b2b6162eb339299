// SPDX-License-Identifier: GPL-2.0
// The requests that a frontend writes into a ring's slots.
//
// write_slot() uses the offsets of support/wire.h, which are apart from the core's, so that a
// mistake in the core's structures is noticed.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "wire/blkif.h"

namespace kunit {

using blkback::wire::Layout;

// A segment of a request.
struct RawSegment {
  uint32_t gref;
  uint8_t first = 0;
  uint8_t last = 7;
};

// A request.  `count` may differ from the number of parts.
struct RawRequest {
  uint8_t operation = BLKIF_OP_READ;
  uint8_t count = 0;
  uint16_t handle = 51712;
  uint64_t id = 0;
  uint64_t sector = 0;
  RawSegment parts[11] = {};
};

[[nodiscard]] RawRequest ask(uint8_t operation, uint64_t id, uint64_t sector,
                             std::initializer_list<RawSegment> parts);

// An indirect request: its segments are in a page of descriptors.
struct IndirectAsk {
  uint8_t indirect_op = BLKIF_OP_READ;
  uint16_t count = 0;
  uint16_t handle = 51712;
  uint64_t id = 0;
  uint64_t sector = 0;
  uint32_t gref = 0;  // of the page of descriptors
};

struct DiscardAsk {
  uint8_t flag = 0;
  uint16_t handle = 51712;
  uint64_t id = 0;
  uint64_t sector = 0;
  uint64_t sectors = 0;
};

// Writes a slot in one of the layouts.
void write_slot(uint8_t* slot, Layout layout, const RawRequest& request);
void write_slot(uint8_t* slot, Layout layout, const IndirectAsk& request);
void write_slot(uint8_t* slot, Layout layout, const DiscardAsk& request);

}  // namespace kunit
