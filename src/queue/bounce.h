// SPDX-License-Identifier: GPL-2.0
// Private pages for data that must not travel between the disk and the guest's
// own pages.
//
// Two kinds of data do not: what is written to a disk that wants its pages
// stable (a guest may change its page while a checksum is made of it), and
// segments that are no whole blocks of the disk.  The data of such a request
// lies in a buffer without gaps.
//
// A buffer for the whole request is tried for; a queue's buffers together are
// bounded.  When the host has no memory there is the reserve, through which a
// request goes in parts.
// BEWARE: not locked: it belongs to the queue's thread.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "host/block.h"
#include "wire/blkif.h"

namespace blkback {

// The pages are those of its segments.
struct BounceBuffer {
  uint32_t capacity = 0;  // pages
  uint64_t moved = 0;     // bytes of the request that came before this part

  [[nodiscard]] std::span<host_io_segment> segments() {
    return std::span<host_io_segment>(reinterpret_cast<host_io_segment*>(this + 1), capacity);
  }
  [[nodiscard]] uint64_t bytes() const { return uint64_t{capacity} * wire::kPageBytes; }

  // Gives the segments of a part their lengths; returns how many it has.
  [[nodiscard]] uint32_t lay_out(uint64_t part_bytes);

  // Copies a part of `part_bytes` bytes, which follows the first `moved` bytes
  // of the guest's segments.
  void copy_from(std::span<const host_io_segment> guest, uint64_t part_bytes);
  void copy_to(std::span<const host_io_segment> guest, uint64_t part_bytes);
};

class Bounce {
 public:
  Bounce() = default;
  ~Bounce();
  Bounce(const Bounce&) = delete;
  Bounce& operator=(const Bounce&) = delete;

  // Allocates the reserve.  Error: -ENOMEM.
  [[nodiscard]] Result<void> create();

  // A buffer for a request of `bytes` bytes: for all of it, or the reserve when
  // there is no memory.  Nothing while the reserve is in use, or when the
  // queue's buffers are as many as they may be; what ends makes room then.
  [[nodiscard]] BounceBuffer* take(uint64_t bytes);
  void put(BounceBuffer& buffer);

  // Does the storage stack still hold a page that will be used again?  A page
  // that is freed lives as long as it is held.
  [[nodiscard]] bool busy(BounceBuffer* buffer) const;

  // Are there buffers that are given back one day?
  [[nodiscard]] bool in_use() const {
    return pages_ != 0 || (reserve_identity_ != nullptr && reserve_ == nullptr);
  }

  static constexpr uint32_t kReservePages = 4;
  // Four of the largest requests.
  static constexpr uint32_t kMaxPages = 4 * wire::kMaxIndirectSegments;

 private:
  [[nodiscard]] static BounceBuffer* try_make(uint32_t pages);

  BounceBuffer* reserve_ = nullptr;  // while it is not in use
  const BounceBuffer* reserve_identity_ = nullptr;
  uint32_t pages_ = 0;  // of all buffers but the reserve
};

}  // namespace blkback
