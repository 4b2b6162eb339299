// SPDX-License-Identifier: GPL-2.0
// A batch of requests that one part of a queue hands to the next.
#pragma once

#include <cstdint>
#include <span>

#include "queue/slot.h"

namespace blkback {

class Batch {
 public:
  static constexpr uint32_t kCapacity = 128;

  Batch() = default;
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] bool full() const { return count_ == kCapacity; }
  [[nodiscard]] uint32_t size() const { return count_; }
  [[nodiscard]] std::span<Slot* const> slots() const { return {slots_, count_}; }

  void clear() { count_ = 0; }
  // Call only while the batch is not full.
  void push_back(Slot& slot) { slots_[count_++] = &slot; }

  // Moves slots from the front of `list` until the batch is full.
  void fill_from(SlotList& list) {
    while (!full()) {
      Slot* slot = list.pop_front();
      if (slot == nullptr) break;
      push_back(*slot);
    }
  }

  // Keeps the slots for which keep(slot) returns true.  keep() has moved the other slots
  // elsewhere.
  template <typename Keep>
  void keep_if(Keep keep) {
    uint32_t kept = 0;
    for (Slot* slot : slots()) {
      if (keep(*slot)) slots_[kept++] = slot;
    }
    count_ = kept;
  }

 private:
  Slot* slots_[kCapacity];
  uint32_t count_ = 0;
};

}  // namespace blkback
