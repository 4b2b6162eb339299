// SPDX-License-Identifier: GPL-2.0
// The resources that a queue's requests need besides the disk: mapped grants, memory for
// the segments of indirect requests, and private pages for data that is copied.
//
// BEWARE: not locked: only who has the turn (turn.h) may use it.  The purger's worker runs in its
// own context (purger.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/log_limits.h"
#include "base/result.h"
#include "grant/mapper.h"
#include "grant/purger.h"
#include "queue/batch.h"
#include "queue/bounce.h"
#include "queue/copier.h"
#include "queue/indirect_buffers.h"
#include "queue/round_clock.h"
#include "queue/slot.h"

namespace blkback {

class Resources {
 public:
  using Limits = PersistentGrants::Limits;

  Resources(uint16_t domid, Mapper::Persistence persistence, PagePool& pool, RoundClock& clock,
            const RingLog& log)
      : mapper_(domid, persistence, pool, log),
        copier_(domid, mapper_.batch(), pool, log),
        purger_(pool, log),
        pool_(pool),
        clock_(clock),
        blocks_(pool.account()),
        bounce_(pool.account()) {}

  // What create() allocates, in bytes.
  [[nodiscard]] static uint64_t cost(bool copies) {
    return Mapper::cost() + Purger::cost() + IndirectBuffers::cost() +
           (copies ? Bounce::cost() : 0);
  }

  // The pages of a ring's floor: those of a largest request and of its descriptors.
  static constexpr uint32_t kFloorPages = wire::kMaxIndirectSegments + 1;

  // `copies`: some requests may have data that is copied.  Error: -ENOMEM.
  [[nodiscard]] Result<void> create(bool copies);

  // Gives an indirect request an indirect buffer.  Returns false when there is no memory now,
  // or the guest is at its cap.
  [[nodiscard]] bool take_block(Slot& slot);
  // Gives a request whose data is copied a bounce buffer.  Returns false when there is none now.
  [[nodiscard]] bool take_buffer(Slot& slot);

  // Could requests be copied instead of mapped?
  [[nodiscard]] bool may_copy() const { return mapper_.ordinary(); }
  // Gives a direct request private pages, so that its grants need not be mapped.  Returns false
  // when there are none now.
  [[nodiscard]] bool take_private_pages(Slot& slot) { return copier_.take_pages(slot); }
  // Copies the data of writes with private pages from the guest, and sets their `outcome`.
  void copy_from_guest(std::span<Slot* const> slots);
  // Copies what was read into private pages to the guest.  Sets the `status` of a request whose
  // grants refuse it.  Call once all of the request is read, and before release().
  void copy_to_guest(std::span<Slot* const> slots);

  // Adds the slot's `uses` to the next map(), which sets the slot's `outcome`.  At most
  // Batch::kCapacity slots for one map().
  void want(Slot& slot) { jobs_[jobs_wanted_++] = &slot; }
  // Maps the grants of all slots that want() has added since the last call, up to
  // Mapper::kCapacity grants with one hypercall.
  void map(const Limits& limits, uint64_t now_ms);

  // Does the storage stack still hold a page of the request?  If so, the request must not be
  // answered yet: the frontend must not get the page back.
  [[nodiscard]] bool busy(Slot& slot) const;

  // Takes back the grants, blocks and buffers of `slots`, none of which is busy.  When this
  // returns, their ordinary grants are unmapped.
  void release(std::span<Slot* const> slots, uint64_t now_ms);
  // Moves `slots` to `waiting`.  Takes back the resources that a waiting request need not keep:
  // its buffer, and its descriptor page once the descriptors are read.
  void release_to_wait(SlotList& slots, SlotList& waiting, uint64_t now_ms);

  // The bytes of blocks and buffers that the guest's account has refused since the last call.
  [[nodiscard]] uint64_t take_refused() { return blocks_.take_refused() + bounce_.take_refused(); }

  // Are there buffers in use, which will be given back?
  [[nodiscard]] bool buffers_in_use() const { return bounce_.in_use(); }

  // Gives unused private pages back to the host; see PrivatePages::trim().
  void trim_private_pages(bool all, const Limits& limits, uint64_t now_ms) {
    if (may_copy()) copier_.pages().trim(all, limits.unused_ms, now_ms);
  }
  // Gives unused blocks back to the host: all of them, or all but kKeep of each size.
  void trim_blocks(bool all) { blocks_.trim(all ? 0 : IndirectBuffers::kKeep); }

  // Persistent grants.  The purge functions hand idle grants to the purger, whose worker unmaps
  // them a little later.
  // Purges at most `count` idle grants, the least recently used first.  Returns their number.
  uint32_t purge_oldest(uint32_t count);
  // Purges idle grants that together were charged at least `bytes`.
  void purge_for(uint64_t bytes) {
    (void)purge_oldest(static_cast<uint32_t>(bytes / PersistentGrants::cost() + 1));
  }
  // Purges half of the idle grants.
  void purge_half() { (void)purge_oldest((mapper_.persistent().idle() + 1) / 2); }
  void purge_due(const Limits& limits, uint64_t now_ms);
  void purge_idle();
  // Milliseconds until purge_due() or trim_private_pages() has something to do; nullopt: never.
  [[nodiscard]] std::optional<uint64_t> unused_due_in_ms(const Limits& limits, uint64_t now_ms) {
    return mapper_.ordinary() ? copier_.pages().due_in_ms(limits.unused_ms, now_ms)
                              : mapper_.persistent().due_in_ms(limits, now_ms);
  }

  // The number of grants that are mapped persistently.  Context: any.
  [[nodiscard]] uint32_t persistent_grants() const { return mapper_.persistent().count(); }

  // The number of private pages that are kept for later requests.  Context: any.
  [[nodiscard]] uint32_t private_pages() const { return copier_.pages().kept(); }

  [[nodiscard]] Mapper& mapper() { return mapper_; }
  [[nodiscard]] const Copier::Counters& copies() const { return copier_.counters(); }
  [[nodiscard]] Purger& purger() { return purger_; }

 private:
  // The guest may be at its cap: gives free pages back.  Returns false when there was none.
  [[nodiscard]] bool make_room() {
    return pool_.account().capped() && pool_.shrink_to_floor() != 0;
  }

  Mapper mapper_;
  Copier copier_;
  Purger purger_;
  PagePool& pool_;
  RoundClock& clock_;  // told of hypercalls
  IndirectBuffers blocks_;
  Bounce bounce_;
  GrantJob* jobs_[Batch::kCapacity];  // of want() and map(), or of one release
  uint32_t jobs_wanted_ = 0;
};

}  // namespace blkback
