// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace blkback {

// A counter with one writer and any number of readers.
class Counter {
 public:
  // Call from the writer only.
  void add(uint64_t n) { value_.store(get() + n, std::memory_order_relaxed); }
  // Relaxed: the number orders no other memory access.  Pairs with add().
  [[nodiscard]] uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace blkback
