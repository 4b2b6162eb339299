// SPDX-License-Identifier: GPL-2.0
// Room for the segments of indirect requests.
//
// Blocks come in two sizes, are allocated when requests need them and kept for
// the next; one of the large ones is always there, so that a ring whose host
// has no memory still serves its requests, one after the other: all others are
// asked for with host_try_alloc(), which never waits.
// BEWARE: not locked: they belong to the queue's thread.
#pragma once

#include <cstdint>
#include <span>

#include "base/intrusive_list.h"
#include "base/result.h"
#include "grant/mapper.h"
#include "host/block.h"
#include "wire/blkif.h"

namespace blkback {

struct SegmentBlock : ListLink {
  uint32_t capacity = 0;  // segments

  // One grant more than segments: the page of the descriptors.
  [[nodiscard]] std::span<GrantUse> grants() {
    return std::span<GrantUse>(reinterpret_cast<GrantUse*>(this + 1), capacity + 1);
  }
  [[nodiscard]] std::span<host_io_segment> segments() {
    return std::span<host_io_segment>(
        reinterpret_cast<host_io_segment*>(grants().data() + capacity + 1), capacity);
  }
};

class SegmentBlocks {
 public:
  SegmentBlocks() = default;
  ~SegmentBlocks();
  SegmentBlocks(const SegmentBlocks&) = delete;
  SegmentBlocks& operator=(const SegmentBlocks&) = delete;

  // Allocates the reserve.  Error: -ENOMEM.
  [[nodiscard]] Result<void> create();

  // A block for `segments` segments, at most wire::kMaxIndirectSegments, whose
  // grants are unused; nothing when there is no memory and the reserve is in
  // use.
  [[nodiscard]] SegmentBlock* take(uint32_t segments);
  void put(SegmentBlock& block);

  // Gives unused blocks back to the host until few are left.
  void trim(uint32_t keep);

  // How many unused blocks of each size a busy ring keeps.
  static constexpr uint32_t kKeep = 4;
  // What Linux' frontend uses unless told otherwise.
  static constexpr uint32_t kSmall = 32;
  static constexpr uint32_t kLarge = wire::kMaxIndirectSegments;
  static_assert(kLarge <= HOST_IO_MAX_SEGMENTS);

 private:
  using BlockList = IntrusiveList<SegmentBlock>;

  [[nodiscard]] static SegmentBlock* make(void* memory, uint32_t capacity);
  static void trim_list(BlockList& list, uint32_t keep);

  BlockList small_;
  BlockList large_;
  SegmentBlock* reserve_ = nullptr;  // while it is not in use
  const SegmentBlock* reserve_identity_ = nullptr;
};

}  // namespace blkback
