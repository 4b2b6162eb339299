// SPDX-License-Identifier: GPL-2.0
// The state of one request from its ring slot to its answer.
//
// A slot is in exactly one place: free, in the batch that is being started,
// held behind a barrier, deferred (no memory, pages or handles yet), with the disk,
// done, or waiting for the storage stack to let go of its pages.
#pragma once

#include <cstdint>

#include "base/intrusive_list.h"
#include "base/owned.h"
#include "grant/mapper.h"
#include "host/block.h"
#include "queue/bounce.h"
#include "queue/responder.h"
#include "queue/segment_blocks.h"
#include "request/request.h"
#include "vbd/vbd.h"

namespace blkback {

class Queue;

// As host_io it is what the disk is told now: one part of the request, or all of it.
// As GrantJob it is what is mapped or unmapped now.
struct Slot : host_io, ListLink, GrantJob {
  Slot() : host_io{} {}

  Queue* queue = nullptr;
  Slot* next_done = nullptr;       // in the stack of done I/Os
  SegmentBlock* block = nullptr;   // of an indirect request
  BounceBuffer* bounce = nullptr;  // of a request whose data is copied

  // What the frontend asked for.
  AnswerDuty duty;
  uint32_t index = 0;  // in the ring, as the frontend counts
  Operation requested = Operation::kRead;
  bool indirect = false;
  uint16_t granted = 0;          // data segments
  uint32_t descriptor_gref = 0;  // of an indirect request

  // How far it has come.
  bool descriptors_unread = false;  // of an indirect request
  bool copied = false;              // its data goes through private pages
  bool ordered = false;             // counted among the writes that a barrier waits for
  Status status = Status::kOkay;
  uint64_t sectors_left = 0;  // of a request that goes to the disk in parts: not begun

  GrantUse direct_grants[wire::kMaxDirectSegments];
  host_io_segment direct_segments[wire::kMaxDirectSegments] = {};

  // Begins a new request.
  void fill(AnswerDuty answer_duty, uint32_t ring_index, const Request& request, const Vbd& vbd);

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

 private:
  void fill_io(const Request& request, const Vbd& vbd);
};

using SlotList = IntrusiveList<Slot>;

// As many slots as the ring has.
class Slots {
 public:
  // Error: -ENOMEM.
  [[nodiscard]] Result<void> create(uint32_t count, Queue& queue);

  [[nodiscard]] bool empty() const { return free_.empty(); }
  // Is no slot in use?
  [[nodiscard]] bool all_free() const { return free_.size() == all_.all().size(); }

  // Only while it is not empty.
  [[nodiscard]] Slot& take() { return *free_.pop_front(); }
  // Its request is answered.
  void put(Slot& slot) {
    slot.duty = AnswerDuty();
    free_.push_front(slot);
  }

 private:
  OwnedArray<Slot> all_;
  SlotList free_;
};

}  // namespace blkback
