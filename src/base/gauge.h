// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <atomic>

namespace blkback {

// A value that one thread owns and that any thread may look at.  Only the owner writes it.
template <typename T>
class Gauge {
 public:
  Gauge() = default;
  explicit Gauge(T value) : value_(value) {}
  // Context: the owner, before others can see the copy.
  Gauge(const Gauge& other) : value_(other.get()) {}
  Gauge& operator=(const Gauge& other) {
    set(other.get());
    return *this;
  }

  void set(T value) { value_.store(value, std::memory_order_relaxed); }
  // Relaxed: the value orders no other memory access.
  [[nodiscard]] T get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<T> value_{};
};

}  // namespace blkback
