// SPDX-License-Identifier: GPL-2.0
// What a queue's requests need besides the disk: mapped grants, room for the
// segments of indirect requests, and private pages for data that is copied.
//
// BEWARE: not locked: all but the purger's worker belongs to the queue's thread.
#pragma once

#include <cstdint>
#include <span>

#include "base/log_limits.h"
#include "base/result.h"
#include "grant/mapper.h"
#include "grant/purger.h"
#include "queue/batch.h"
#include "queue/bounce.h"
#include "queue/segment_blocks.h"
#include "queue/slot.h"

namespace blkback {

class Resources {
 public:
  using Limits = PersistentGrants::Limits;

  Resources(uint16_t domid, Mapper::Persistence persistence, PagePool& pool, const RingLog& log)
      : mapper_(domid, persistence, pool, log), purger_(pool, log), pool_(pool) {}

  // `copies`: there will be data that is copied.  Error: -ENOMEM.
  [[nodiscard]] Result<void> create(bool copies);

  // Gets a block for an indirect request.  False when there is no memory now.
  [[nodiscard]] bool take_block(Slot& slot);
  // Gets a buffer for a request whose data is copied.  False when there is none now.
  [[nodiscard]] bool take_buffer(Slot& slot);

  // The next map() maps the slot's `uses`; each slot's outcome tells how it went.
  // At most Batch::kCapacity slots.
  void want(Slot& slot) { jobs_[jobs_wanted_++] = &slot; }
  // Maps what was wanted since the last call, with as few hypercalls as possible.
  void map(const Limits& limits, uint64_t now_ms);

  // Does the storage stack still hold a page of the request?  The frontend must not
  // have it back then.
  [[nodiscard]] bool busy(Slot& slot) const;

  // Takes back all that the requests have; none of them is busy.  No grant of theirs
  // is mapped for them when this returns.
  void release(std::span<Slot* const> slots, uint64_t now_ms);
  // Takes back what requests need not keep while they wait: buffers, and the page of
  // descriptors that are read.  The slots are moved to `waiting`.
  void release_to_wait(SlotList& slots, SlotList& waiting, uint64_t now_ms);

  // Are there buffers that will be given back?
  [[nodiscard]] bool buffers_in_use() const { return bounce_.in_use(); }

  // Gives unused blocks back to the host.
  void trim_blocks(bool all) { blocks_.trim(all ? 0 : SegmentBlocks::kKeep); }

  // Persistent grants.  What these unmap, the purger's worker unmaps a little later.
  // At most `count` that are idle, the least recently used first; how many it was.
  uint32_t purge_oldest(uint32_t count);
  // Half of those that are idle.
  void purge_half() { (void)purge_oldest((mapper_.persistent().idle() + 1) / 2); }
  void purge_due(const Limits& limits, uint64_t now_ms);
  void purge_idle();
  // Milliseconds until purge_due() has something to do; nothing: never.
  [[nodiscard]] auto purge_due_in_ms(const Limits& limits, uint64_t now_ms) {
    return mapper_.persistent().due_in_ms(limits, now_ms);
  }

  [[nodiscard]] Mapper& mapper() { return mapper_; }
  [[nodiscard]] Purger& purger() { return purger_; }

 private:
  Mapper mapper_;
  Purger purger_;
  PagePool& pool_;
  SegmentBlocks blocks_;
  Bounce bounce_;
  GrantJob* jobs_[Batch::kCapacity];  // of want() and map(), or of one release
  uint32_t jobs_wanted_ = 0;
};

}  // namespace blkback
