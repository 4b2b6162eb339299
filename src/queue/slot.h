// SPDX-License-Identifier: GPL-2.0
// The state of one request from its ring slot to its answer.
//
// A slot is in exactly one place: free, in the batch that is being started,
// held behind a barrier, deferred (no memory or no pages yet), with the disk,
// done, or waiting for the storage stack to let go of its pages.
#pragma once

#include <cstdint>

#include "base/intrusive_list.h"
#include "grant/mapper.h"
#include "host/block.h"
#include "queue/bounce.h"
#include "queue/segment_blocks.h"
#include "request/request.h"

namespace blkback {

class Queue;

struct Slot : host_io, ListLink, GrantJob {
  // What has to be done next for it.
  enum class Stage : uint8_t {
    kDescriptors,  // map the page of its descriptors and read them
    kData,         // map its data
    kSubmit,       // hand it (the next part of it) to the disk
  };

  Slot() : host_io{} {}

  Queue* queue = nullptr;
  Slot* next_done = nullptr;       // in the stack of done I/Os
  SegmentBlock* block = nullptr;   // of an indirect request
  BounceBuffer* bounce = nullptr;  // of a request whose data is copied
  Identity identity{};
  uint64_t sectors_left = 0;     // of what goes to the disk in parts: not begun
  uint32_t descriptor_gref = 0;  // of an indirect request
  uint32_t index = 0;            // in the ring, as the frontend counts
  Operation requested = Operation::kRead;
  Status status = Status::kOkay;
  Stage stage = Stage::kData;
  bool indirect = false;
  bool copied = false;   // its data goes through private pages
  bool ordered = false;  // counted among the writes that a barrier waits for
  uint16_t granted = 0;  // segments of the guest's
  GrantUse direct_grants[wire::kMaxDirectSegments];
  host_io_segment direct_segments[wire::kMaxDirectSegments] = {};

  // All grants; of an indirect request the first is its descriptors' page, and
  // there are none before it has a block.
  [[nodiscard]] std::span<GrantUse> all_grants() {
    if (!indirect) return std::span<GrantUse>(direct_grants, granted);
    return block != nullptr ? block->grants().first(granted + 1) : std::span<GrantUse>();
  }
  [[nodiscard]] std::span<GrantUse> data_grants() {
    return indirect ? all_grants().subspan(1) : all_grants();
  }
  // The segments as the guest has them.
  [[nodiscard]] std::span<host_io_segment> guest_segments() {
    return indirect ? block->segments().first(granted)
                    : std::span<host_io_segment>(direct_segments, granted);
  }
};

using SlotList = IntrusiveList<Slot>;

}  // namespace blkback
