// SPDX-License-Identifier: GPL-2.0
// The back end of one shared ring.
//
// INVARIANT: answers never overtake requests: the private response index is
// never ahead of the private request index, and both are ours alone; of the
// shared indices only req_prod and rsp_event are read, as hints that are
// checked.
// BEWARE: nothing is visible to the frontend until push().
#pragma once

#include <cstdint>

#include "base/result.h"
#include "wire/blkif.h"

namespace blkback::wire {

class Ring {
 public:
  Ring() = default;

  // The ring in `bytes` bytes of shared memory at `shared`.  A frontend that
  // was served before (module reload) has unanswered requests between the
  // shared indices: they are taken again.
  // Error: -EIO when the indices are further apart than the ring is long.
  [[nodiscard]] static Result<Ring> attach(void* shared, uint32_t bytes, Layout layout);

  // Number of slots, a power of two.
  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] Layout layout() const { return layout_; }

  // How many requests wait to be taken.  Error: -EACCES when the frontend
  // claims more than the ring holds; the ring is of no use after that.
  [[nodiscard]] Result<uint32_t> pending() const;

  // The index that the next take() will take.
  [[nodiscard]] uint32_t next_index() const { return req_cons_; }

  // The frontend's index, as it claims it.  Context: any thread.
  [[nodiscard]] uint32_t produced() const;

  // Copies the next request.  Only when pending() said that there is one.
  void take(RawSlot& slot);

  // Asks for an event at the next request; true when one has come meanwhile.
  // Error: as pending().
  [[nodiscard]] Result<bool> arm();

  // Fills in the next answer.  Only for a request that was taken.
  void respond(uint64_t id, uint8_t operation, int16_t status);

  // Shows all answers filled in so far; true when the frontend asked to be
  // told (its rsp_event lies among them).
  [[nodiscard]] bool push();

  // Requests taken and not yet answered.
  [[nodiscard]] uint32_t outstanding() const { return req_cons_ - rsp_prod_; }

 private:
  [[nodiscard]] uint8_t* slot_at(uint32_t index) const;

  RingHeader* header_ = nullptr;
  uint8_t* slots_ = nullptr;
  uint32_t size_ = 0;
  uint32_t req_cons_ = 0;
  uint32_t rsp_prod_ = 0;
  uint32_t rsp_pushed_ = 0;
  uint32_t slot_bytes_ = 0;
  Layout layout_ = Layout::kNative;
};

}  // namespace blkback::wire
