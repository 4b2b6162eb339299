// SPDX-License-Identifier: GPL-2.0
// The wire format of blkif for all tests, in bytes and offsets.
//
// It is written apart from the core's src/wire, so that a mistake in the core's structures is
// noticed.  Segments of indirect requests have the form of a slot's segments.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "wire/blkif.h"

namespace kunit::wire {

// A ring begins with four indices.  Its first slot follows the header.
inline constexpr uint32_t kHeaderBytes = 64;
enum Index : uint32_t { kReqProd, kReqEvent, kRspProd, kRspEvent };

inline constexpr uint32_t kSegmentBytes = 8;
inline constexpr uint32_t kSegmentsMost = 11;

// Where the fields of a request are.  Bytes 0 to 3 are the same in all layouts.
struct Offsets {
  uint32_t slot_bytes;
  uint32_t id;
  uint32_t sector;
  uint32_t rest;           // segments; sectors of a discard; handle of an indirect request
  uint32_t indirect_gref;  // of the first page of segments
};
inline constexpr Offsets kPadded{112, 8, 16, 24, 28};
inline constexpr Offsets kPacked{108, 4, 12, 20, 24};

[[nodiscard]] constexpr const Offsets& offsets(blkback::wire::Layout layout) {
  return layout == blkback::wire::Layout::kX86_32 ? kPacked : kPadded;
}

// The number of slots is a power of two.
[[nodiscard]] constexpr uint32_t slots(uint32_t ring_bytes, const Offsets& at) {
  return std::bit_floor((ring_bytes - kHeaderBytes) / at.slot_bytes);
}

template <typename T>
[[nodiscard]] T load(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

template <typename T>
void store(uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof(value));
}

// The operation that the response to the slot's request names.
[[nodiscard]] inline uint8_t operation_of(const uint8_t* slot) {
  return slot[0] == BLKIF_OP_INDIRECT ? slot[1] : slot[0];
}

struct Segment {
  uint32_t gref;
  uint8_t first;
  uint8_t last;
};

[[nodiscard]] inline Segment load_segment(const uint8_t* at) {
  return {load<uint32_t>(at), at[4], at[5]};
}

inline void store_segment(uint8_t* at, const Segment& segment) {
  store(at, segment.gref);
  at[4] = segment.first;
  at[5] = segment.last;
}

struct Response {
  uint64_t id;
  uint8_t operation;
  int16_t status;
};

[[nodiscard]] inline Response load_response(const uint8_t* slot) {
  return {load<uint64_t>(slot), slot[8], load<int16_t>(slot + 10)};
}

inline void store_response(uint8_t* slot, const Response& response) {
  store(slot, response.id);
  slot[8] = response.operation;
  store(slot + 10, response.status);
}

}  // namespace kunit::wire
