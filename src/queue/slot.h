// SPDX-License-Identifier: GPL-2.0
// The state of one request from its ring slot to its answer.
//
// A slot is in exactly one place: free, in the batch that is being started,
// deferred (no pages yet), with the disk, done, or waiting for the storage
// stack to let go of its pages.
#pragma once

#include <cstdint>

#include "base/intrusive_list.h"
#include "grant/mapper.h"
#include "host/block.h"
#include "request/request.h"

namespace blkback {

class Queue;

struct Slot : host_io, ListLink, GrantJob {
  Queue* queue = nullptr;
  Slot* next_done = nullptr;  // in the stack of done I/Os
  Identity identity{};
  Status status = Status::kOkay;
  GrantUse grants[wire::kMaxDirectSegments];
  host_io_segment io_segments[wire::kMaxDirectSegments];
};

using SlotList = IntrusiveList<Slot>;

}  // namespace blkback
