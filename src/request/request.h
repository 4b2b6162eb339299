// SPDX-License-Identifier: GPL-2.0
// Parsing of requests.  A Request is parsed once from the private copy of its slot; it
// is valid by the protocol.  Vbd::check() checks it against the disk.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>

#include "wire/blkif.h"

namespace blkback {

enum class Operation : uint8_t { kRead, kWrite, kFlush, kBarrier, kDiscard };

// May the operation change data on the disk?  A flush and a barrier may carry data.
[[nodiscard]] constexpr bool writes(Operation operation) { return operation != Operation::kRead; }

// The status of a response (BLKIF_RSP_*).
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

// The fields of a response by which the frontend finds its request.
struct ResponseKey {
  uint64_t id;
  // The operation as the frontend wrote it.  For an indirect request: indirect_op, which
  // frontends compare.
  uint8_t operation;
};

// A parsed request.
// INVARIANT: a direct read or write has 1 to 11 segments in `segments`, a flush or a
// barrier 0 to 11, a discard none.  An indirect request is a read or a write of 1 to 256
// segments; their descriptors are in the page of `descriptor_gref`.
struct Request {
  ResponseKey key{};
  Operation operation = Operation::kRead;
  bool indirect = false;
  bool secure = false;  // discard: the data must not be recoverable
  uint16_t segment_count = 0;
  uint32_t descriptor_gref = 0;
  uint64_t sector = 0;
  uint64_t sectors = 0;  // sum of the direct segments, or to discard
  Segment segments[wire::kMaxDirectSegments];

  // Does the request make earlier writes durable?
  [[nodiscard]] bool flushes() const {
    return operation == Operation::kFlush || operation == Operation::kBarrier;
  }
};

// Why a request or a segment is refused.
struct Refusal {
  Status status;
  const char* reason;  // for the log
};

template <typename T>
using Checked = std::expected<T, Refusal>;

[[nodiscard]] inline std::unexpected<Refusal> refusal(Status status, const char* reason) {
  return std::unexpected<Refusal>(Refusal{status, reason});
}

// A refused request, with the key for its response.
struct Rejection : Refusal {
  ResponseKey key;
};

// Parses a slot.  Returns nullopt and the request; or why it is refused, and then `request` has
// no meaning.  An operation that the protocol does not know is refused with kNotSupported, a
// malformed request with kError.
[[nodiscard]] std::optional<Rejection> parse(const wire::RawSlot& slot, wire::Layout layout,
                                             Request& request);

// Parses the descriptor of a segment, direct or indirect.  Refused with kError when its
// sectors are not within a page.
[[nodiscard]] Checked<Segment> parse_segment(const blkif_request_segment& descriptor);

}  // namespace blkback
