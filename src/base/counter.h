// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace blkback {

// A counter with one writer and any number of readers.
class Counter {
 public:
  // Only the owner of the counter.
  void add(uint64_t n) { value_.store(get() + n, std::memory_order_relaxed); }
  // Relaxed: a reader wants a number, no order with anything.
  [[nodiscard]] uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace blkback
