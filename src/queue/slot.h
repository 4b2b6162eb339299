// SPDX-License-Identifier: GPL-2.0
// The state of one request, from its ring slot to its answer.
//
// A slot is in exactly one place: free (Slots), in the batch that is being started or
// answered (Queue), held behind a barrier (BarrierGate), waiting for pages, handles or memory
// (Shortage), with the disk, done (Completions), or done but waiting until the storage stack
// lets go of its pages (Completions).
#pragma once

#include <cstdint>

#include "base/intrusive_list.h"
#include "base/owned.h"
#include "grant/mapper.h"
#include "host/block.h"
#include "queue/bounce.h"
#include "queue/indirect_buffers.h"
#include "queue/request_record.h"
#include "queue/responder.h"
#include "request/request.h"
#include "vbd/latency.h"
#include "vbd/vbd.h"

namespace blkback {

class Queue;

// Its host_io is the I/O that the disk gets now: the whole request, or one part of it.  Its
// GrantJob is the set of grants that is mapped or unmapped now.
struct Slot : host_io, ListLink, GrantJob {
  Slot() : host_io{} {}

  Queue* queue = nullptr;
  Slot* next_done = nullptr;        // in the stack of completed I/Os
  IndirectBuffer* block = nullptr;  // of an indirect request
  BounceBuffer* bounce = nullptr;   // of a request whose data is copied

  // What the frontend asked for.
  AnswerDuty duty;
  uint32_t index = 0;  // in the ring, free-running like req_prod
  Operation requested = Operation::kRead;
  bool indirect = false;
  uint16_t granted = 0;          // the number of data segments
  uint32_t descriptor_gref = 0;  // of an indirect request

  // Its progress.
  bool descriptors_unread = false;  // of an indirect request
  bool unaligned = false;           // a segment is not whole blocks of the disk
  bool copied = false;              // mapped data goes through a bounce buffer
  // The segments' pages are private: the hypervisor copies the data, and no grant is mapped.
  bool grant_copied = false;
  bool ordered = false;  // counted among the writes that a barrier waits for
  Status status = Status::kOkay;
  uint64_t sectors_left = 0;  // of a request in parts: sectors that no part has covered yet
  RequestRecord record;

  GrantUse direct_grants[wire::kMaxDirectSegments];
  host_io_segment direct_segments[wire::kMaxDirectSegments] = {};

  // Fills the slot for a new request.
  // `now_ns`: when it was taken from the ring.
  void fill(AnswerDuty answer_duty, uint32_t ring_index, const Request& request, const Vbd& vbd,
            uint64_t now_ns);

  // The disk has completed the I/O: is that the end of the request, and are its resources such
  // that any context can take them back?  An interrupt copies no data, and unmaps no more
  // grants than a request without descriptors has.
  [[nodiscard]] bool ends_at_once() const;

  // For the statistics.
  [[nodiscard]] RequestTimes times() const {
    return {
        .taken = record.taken_ns(), .submitted = record.submitted_ns(), .done = record.ended_ns()};
  }

  // All grants.  The first grant of an indirect request is that of its descriptor page; an
  // indirect request has no grants before it has a block.
  [[nodiscard]] std::span<GrantUse> all_grants() {
    if (!indirect) return std::span<GrantUse>(direct_grants, granted);
    return block != nullptr ? block->grants().first(granted + 1) : std::span<GrantUse>();
  }
  [[nodiscard]] std::span<GrantUse> data_grants() {
    return indirect ? all_grants().subspan(1) : all_grants();
  }
  // The segments in the guest's own pages.
  [[nodiscard]] std::span<host_io_segment> guest_segments() {
    return indirect ? block->segments().first(granted)
                    : std::span<host_io_segment>(direct_segments, granted);
  }

 private:
  void fill_io(const Request& request, const Vbd& vbd);
};

using SlotList = IntrusiveList<Slot>;

// The slots of a queue: as many as the ring has.
class Slots {
 public:
  // Error: -ENOMEM.
  [[nodiscard]] Result<void> create(uint32_t count, Queue& queue);
  // What create() allocates, in bytes.
  [[nodiscard]] static uint64_t cost(uint32_t count) {
    return host_memory_cost(sizeof(Slot) * size_t{count});
  }

  [[nodiscard]] bool empty() const { return free_.empty(); }
  // Is no slot in use?
  [[nodiscard]] bool all_free() const { return free_.size() == all_.all().size(); }

  // Fills `found` with as many of the requests as it holds.  Returns the number of requests.
  // Context: any.
  [[nodiscard]] uint32_t list(uint64_t now_ns, std::span<driver_request_info> found) const;

  // Call only while empty() is false.
  [[nodiscard]] Slot& take() { return *free_.pop_front(); }
  // Frees a slot.  Its request must have been answered.
  void put(Slot& slot) {
    slot.duty = AnswerDuty();
    slot.record.end();
    free_.push_front(slot);
  }

 private:
  OwnedArray<Slot> all_;
  SlotList free_;
};

}  // namespace blkback
