// SPDX-License-Identifier: GPL-2.0
#include "wire/ring.h"

#include <bit>

#include "host/shared.h"

namespace blkback::wire {

// As ring.h of Xen: rounded down to a power of two.
uint32_t Ring::slots_in(uint32_t bytes, Layout layout) {
  return std::bit_floor(
      static_cast<uint32_t>((bytes - sizeof(RingHeader)) / wire::slot_bytes(layout)));
}

Result<Ring> Ring::attach(void* shared, uint32_t bytes, Layout layout) {
  Ring ring;
  ring.header_ = static_cast<RingHeader*>(shared);
  ring.slots_ = static_cast<uint8_t*>(shared) + sizeof(RingHeader);
  ring.layout_ = layout;
  ring.slot_bytes_ = wire::slot_bytes(layout);
  ring.size_ = slots_in(bytes, layout);
  ring.rsp_pushed_ = host_shared_load_acquire(&ring.header_->rsp_prod);
  ring.rsp_prod_.set(ring.rsp_pushed_);
  ring.req_cons_.set(ring.rsp_pushed_);
  const uint32_t req_prod = host_shared_load_acquire(&ring.header_->req_prod);
  if (req_prod - ring.rsp_pushed_ > ring.size_) return failure(-kEio);
  return ring;
}

uint8_t* Ring::slot_at(uint32_t index) const {
  return slots_ + size_t{index & (size_ - 1)} * slot_bytes_;
}

Result<uint32_t> Ring::pending() const {
  const uint32_t req_prod = host_shared_load_acquire(&header_->req_prod);
  if (req_prod - rsp_prod_.get() > size_) return failure(-kEacces);
  // The frontend has moved req_prod back behind req_cons_: nothing to take.
  const uint32_t waiting = req_prod - req_cons_.get();
  return waiting > size_ ? 0 : waiting;
}

uint32_t Ring::produced() const { return host_shared_load_acquire(&header_->req_prod); }

uint32_t Ring::event_wanted_at() const { return host_shared_load_acquire(&header_->rsp_event); }

void Ring::take(RawSlot& slot) {
  host_shared_copy(slot.bytes, slot_at(req_cons_.get()), slot_bytes_);
  req_cons_.set(req_cons_.get() + 1);
}

Result<bool> Ring::arm() {
  // ring.h of Xen, RING_FINAL_CHECK_FOR_REQUESTS: set req_event first, then check
  // again, or a request that arrives in between is never seen.
  host_shared_store_release(&header_->req_event, req_cons_.get() + 1);
  host_shared_fence();
  const Result<uint32_t> waiting = pending();
  BLKBACK_RETURN_ERROR(waiting);
  return *waiting != 0;
}

void Ring::respond(uint64_t id, uint8_t operation, int16_t status) {
  host_shared_respond(slot_at(rsp_prod_.get()), id, operation, status);
  rsp_prod_.set(rsp_prod_.get() + 1);
}

bool Ring::push() {
  const uint32_t written = rsp_prod_.get();
  if (written == rsp_pushed_) return false;
  const uint32_t before = rsp_pushed_;
  host_shared_store_release(&header_->rsp_prod, written);
  rsp_pushed_ = written;
  // The frontend must see the responses before we read whether it wants an event
  // (RING_PUSH_RESPONSES_AND_CHECK_NOTIFY).
  host_shared_fence();
  const uint32_t rsp_event = host_shared_load_acquire(&header_->rsp_event);
  return written - rsp_event < written - before;
}

}  // namespace blkback::wire
