// SPDX-License-Identifier: GPL-2.0
// The backend's side of one shared ring.
//
// INVARIANT: the private response index is never ahead of the private request index,
// and the frontend cannot change either.  After attach() only req_prod and rsp_event of
// the shared indices are read.  pending() checks req_prod.  A wrong rsp_event can only
// cause a missing or needless event.
// BEWARE: the frontend sees no response until push().
#pragma once

#include <cstdint>

#include "base/gauge.h"
#include "base/result.h"
#include "wire/blkif.h"

namespace blkback::wire {

class Ring {
 public:
  Ring() = default;

  // The ring in `bytes` bytes of shared memory at `shared`, in the frontend's `layout`.
  // If the frontend was served before (module reload), the requests between rsp_prod and
  // req_prod are unanswered: they are taken again.
  // Error: -EIO when the indices are further apart than the ring has slots.
  [[nodiscard]] static Result<Ring> attach(void* shared, uint32_t bytes, Layout layout);

  // The number of slots in `bytes` bytes of shared memory.
  [[nodiscard]] static uint32_t slots_in(uint32_t bytes, Layout layout);

  // Number of slots, a power of two.
  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] Layout layout() const { return layout_; }

  // The number of requests that wait to be taken.  Error: -EACCES when the frontend
  // claims more requests than the ring has slots; stop using the ring then.
  [[nodiscard]] Result<uint32_t> pending() const;

  // The index of the request that the next take() copies.  Context: any thread.
  [[nodiscard]] uint32_t next_index() const { return req_cons_.get(); }

  // The frontend's req_prod and rsp_event, unchecked.  Context: any thread.
  [[nodiscard]] uint32_t produced() const;
  [[nodiscard]] uint32_t event_wanted_at() const;
  // The responses written, with those before push().  Context: any thread.
  [[nodiscard]] uint32_t written() const { return rsp_prod_.get(); }

  // Copies the next request to `slot`.  Only when pending() has returned that one waits.
  void take(RawSlot& slot);

  // Asks the frontend for an event at the next request.  Returns true when a request
  // waits already.  Error: as pending().
  [[nodiscard]] Result<bool> arm();

  // Writes the next response to its slot.  Only for a request that was taken.
  void respond(uint64_t id, uint8_t operation, int16_t status);

  // Publishes all responses written so far.  Returns true when the frontend wants an event
  // for them: its rsp_event is one of their indices.
  [[nodiscard]] bool push();

  // The number of requests taken and not yet answered.
  [[nodiscard]] uint32_t outstanding() const { return req_cons_.get() - rsp_prod_.get(); }

 private:
  [[nodiscard]] uint8_t* slot_at(uint32_t index) const;

  RingHeader* header_ = nullptr;
  uint8_t* slots_ = nullptr;
  uint32_t size_ = 0;
  Gauge<uint32_t> req_cons_;
  Gauge<uint32_t> rsp_prod_;
  uint32_t rsp_pushed_ = 0;
  uint32_t slot_bytes_ = 0;
  Layout layout_ = Layout::kNative;
};

}  // namespace blkback::wire
