// SPDX-License-Identifier: GPL-2.0
// The frontend's side of a ring, with the barriers of ring.h of Xen.
#pragma once

#include <cstdint>

#include "world.h"

namespace model {

class Guest {
 public:
  explicit Guest(uint32_t port) : port_(port), page_(ring_page(port)) {}

  // Fills the next slot.  A request without data; `id` is not 0.
  void put(uint8_t operation, uint64_t id);
  // RING_PUSH_REQUESTS_AND_CHECK_NOTIFY, and the event.
  void push();
  // RING_FINAL_CHECK_FOR_RESPONSES; waits for an event when none is there.  Returns the number
  // of responses that were read.
  uint32_t collect();

 private:
  static constexpr uint32_t kReqProd = 0, kReqEvent = 4, kRspProd = 8, kRspEvent = 12;
  static constexpr uint32_t kHeaderBytes = 64;
  static constexpr uint32_t kSlotBytes = 112;
  static constexpr uint32_t kSlots = 32;

  [[nodiscard]] uint8_t* slot(uint32_t index) const {
    return page_ + kHeaderBytes + index % kSlots * kSlotBytes;
  }

  uint32_t port_;
  uint8_t* page_;
  uint32_t req_prod_ = 0;
  uint32_t pushed_ = 0;
  uint32_t rsp_cons_ = 0;
  uint64_t expected_[kSlots] = {};  // ids in flight; a ring answers in any order
  uint8_t operations_[kSlots] = {};
};

}  // namespace model
