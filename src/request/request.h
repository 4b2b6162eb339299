// SPDX-License-Identifier: GPL-2.0
// A request as the frontend meant it: parsed once from the private copy of
// its slot into values that cannot be wrong.
#pragma once

#include <cstdint>
#include <expected>

#include "wire/blkif.h"

namespace blkback {

enum class Operation : uint8_t { kRead, kWrite, kFlush };

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
struct Identity {
  uint64_t id;
  uint8_t operation;  // as the frontend wrote it, echoed
};

// INVARIANT: a read or write has 1 to 11 segments, a flush 0 to 11; `sectors`
// is their sum.
struct Request {
  Identity identity;
  Operation operation;
  uint8_t segment_count;
  uint32_t sectors;
  uint64_t sector;
  Segment segments[wire::kMaxDirectSegments];
};

// A request that is answered at once.
struct Rejection {
  Identity identity;
  Status status;
  const char* reason;  // for the log
};

// Makes a request of a slot.  A request of an operation that we do not offer
// is rejected with kNotSupported, a malformed one with kError.
[[nodiscard]] std::expected<Request, Rejection> parse(const wire::RawSlot& slot,
                                                      wire::Layout layout);

}  // namespace blkback
