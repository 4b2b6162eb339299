// SPDX-License-Identifier: GPL-2.0
// A request as the frontend meant it: parsed once from the private copy of
// its slot into values that cannot be wrong.
#pragma once

#include <cstdint>
#include <expected>
#include <span>

#include "wire/blkif.h"

namespace blkback {

enum class Operation : uint8_t { kRead, kWrite, kFlush, kBarrier, kDiscard };

// Does the operation change what is on the disk?
[[nodiscard]] constexpr bool writes(Operation operation) { return operation != Operation::kRead; }

// What the protocol lets us answer (BLKIF_RSP_*).
enum class Status : int16_t {
  kOkay = BLKIF_RSP_OKAY,
  kError = BLKIF_RSP_ERROR,
  kNotSupported = BLKIF_RSP_EOPNOTSUPP,
};

// A run of sectors within one granted page.
// INVARIANT: 0 <= first <= last < kSectorsPerPage.
struct Segment {
  uint32_t gref;
  uint8_t first;
  uint8_t last;

  [[nodiscard]] uint32_t sectors() const { return uint32_t{last} - first + 1; }
  [[nodiscard]] uint32_t offset_bytes() const { return first * wire::kSectorBytes; }
  [[nodiscard]] uint32_t bytes() const { return sectors() * wire::kSectorBytes; }
};

// How an answer finds its request.
struct ResponseKey {
  uint64_t id;
  // Echoed as the frontend wrote it; of an indirect request the operation
  // inside, which is what frontends compare.
  uint8_t operation;
};

// What a slot of the ring says.
// INVARIANT: a direct read or write has 1 to 11 segments in `segments`, a flush
// or barrier 0 to 11, a discard none; an indirect one is a read or write of 1
// to 256 segments, which stand in the page of `descriptor_gref`.
struct Request {
  ResponseKey key{};
  Operation operation = Operation::kRead;
  bool indirect = false;
  bool secure = false;  // a discard that must leave nothing behind
  uint16_t segment_count = 0;
  uint32_t descriptor_gref = 0;
  uint64_t sector = 0;
  uint64_t sectors = 0;  // of the direct segments together, or to discard
  Segment segments[wire::kMaxDirectSegments];

  // Does it make earlier writes durable?
  [[nodiscard]] bool flushes() const {
    return operation == Operation::kFlush || operation == Operation::kBarrier;
  }
};

// Why a request, or a part of it, is refused.
struct Refusal {
  Status status;
  const char* reason;  // for the log
};

template <typename T>
using Checked = std::expected<T, Refusal>;

[[nodiscard]] inline std::unexpected<Refusal> refusal(Status status, const char* reason) {
  return std::unexpected<Refusal>(Refusal{status, reason});
}

// A request that is answered at once.
struct Rejection : Refusal {
  ResponseKey key;
};

// Makes a request of a slot.  A request of an operation that the protocol does
// not know is rejected with kNotSupported, a malformed one with kError.
[[nodiscard]] std::expected<Request, Rejection> parse(const wire::RawSlot& slot,
                                                      wire::Layout layout);

// Makes a segment of a descriptor, direct or indirect; refused when its sectors are
// not within a page.
[[nodiscard]] Checked<Segment> parse_segment(const blkif_request_segment& descriptor);

}  // namespace blkback
