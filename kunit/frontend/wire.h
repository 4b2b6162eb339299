// SPDX-License-Identifier: GPL-2.0
// Requests and responses of blkif as a frontend lays them out.
//
// Independent of the driver's src/wire on purpose: a mistake in one of them shows as a
// difference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace frontend {

inline constexpr uint32_t kPageBytes = 4096;
inline constexpr uint32_t kSectorBytes = 512;
inline constexpr uint32_t kHeaderBytes = 64;
inline constexpr uint32_t kMaxDirect = 11;
inline constexpr uint32_t kBadGref = 0x7ffffff0;  // granted by nobody

enum Operation : uint8_t {
  kRead = 0,
  kWrite = 1,
  kBarrier = 2,
  kFlush = 3,
  kReserved = 4,
  kDiscard = 5,
  kIndirect = 6,
};

enum Status : int16_t { kOkay = 0, kError = -1, kNotSupported = -2 };

struct Segment {
  uint32_t gref = 0;
  uint8_t first = 0;
  uint8_t last = 7;
  uint16_t padding = 0;
};
static_assert(sizeof(Segment) == 8);

struct Request {
  uint8_t operation = kRead;
  uint8_t indirect_operation = 0;  // of kIndirect
  uint8_t flag = 0;                // of kDiscard; 1: secure
  uint64_t id = 0;
  uint64_t sector = 0;
  uint64_t discard_sectors = 0;   // of kDiscard
  std::vector<Segment> segments;  // at most 11; of kIndirect: in the descriptor page
  uint32_t descriptor_gref = 0;   // of kIndirect
  // The number of segments that the slot claims; -1: that of `segments`.
  int claimed_segments = -1;
};

struct Response {
  uint64_t id = 0;
  uint8_t operation = 0;
  int16_t status = 0;
};

// The layouts differ in the alignment of uint64_t: to 8 bytes or to 4.
struct Layout {
  std::string protocol;  // the value of the node "protocol"; empty: no such node
  uint32_t slot_bytes;
  uint32_t id_offset;  // of a request; the sector number and the other fields follow
  static Layout of(const std::string& protocol) {
    const bool wide = protocol == "x86_64-abi";
    return wide ? Layout{protocol, 112, 8} : Layout{protocol, 108, 4};
  }

  void encode(const Request& request, volatile uint8_t* slot) const {
    uint8_t bytes[112] = {};
    auto put = [&bytes](uint32_t offset, const auto& value) {
      std::memcpy(bytes + offset, &value, sizeof(value));
    };
    put(0, request.operation);
    put(id_offset, request.id);
    put(id_offset + 8, request.sector);
    const auto count = static_cast<uint16_t>(
        request.claimed_segments >= 0 ? request.claimed_segments : request.segments.size());
    switch (request.operation) {
      case kDiscard:
        put(1, request.flag);
        put(id_offset + 16, request.discard_sectors);
        break;
      case kIndirect:
        put(1, request.indirect_operation);
        put(2, count);
        // handle (2 bytes), padding (2 bytes), then the descriptor pages
        put(id_offset + 20, request.descriptor_gref);
        break;
      default:
        put(1, static_cast<uint8_t>(count));
        for (size_t i = 0; i < request.segments.size() && i < kMaxDirect; ++i) {
          put(static_cast<uint32_t>(id_offset + 16 + i * 8), request.segments[i]);
        }
        break;
    }
    for (uint32_t i = 0; i < slot_bytes; ++i) slot[i] = bytes[i];
  }

  static Response decode(const volatile uint8_t* slot) {
    uint8_t bytes[12];
    for (uint32_t i = 0; i < sizeof(bytes); ++i) bytes[i] = slot[i];
    Response response;
    std::memcpy(&response.id, bytes, 8);
    response.operation = bytes[8];
    std::memcpy(&response.status, bytes + 10, 2);
    return response;
  }
};

}  // namespace frontend
