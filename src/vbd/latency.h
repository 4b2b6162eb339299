// SPDX-License-Identifier: GPL-2.0
// How long requests took.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "base/counter.h"
#include "driver.h"

namespace blkback {

// The durations of requests: their sum, and how many fell into each bucket of
// driver_latency_read().  One writer, any number of readers.
class Latency {
 public:
  static constexpr uint32_t kBuckets = DRIVER_LATENCY_BUCKETS;

  // Call from the writer only.
  void add(uint64_t ns) {
    total_ns_.add(ns);
    buckets_[bucket(ns)].add(1);
  }

  [[nodiscard]] uint64_t total_us() const { return total_ns_.get() / 1000; }
  [[nodiscard]] uint64_t count(uint32_t index) const { return buckets_[index].get(); }
  // Of all buckets.
  [[nodiscard]] uint64_t count() const {
    uint64_t all = 0;
    for (const Counter& bucket : buckets_) all += bucket.get();
    return all;
  }

  [[nodiscard]] static uint32_t bucket(uint64_t ns) {
    return std::min(static_cast<uint32_t>(std::bit_width(ns / 1000)), kBuckets - 1);
  }

 private:
  Counter total_ns_;
  Counter buckets_[kBuckets];
};

// When a request passed through the driver, in nanoseconds of host_time_ns().
struct RequestTimes {
  uint64_t taken = 0;
  uint64_t submitted = 0;  // its first part; 0: nothing went to the disk
  uint64_t done = 0;       // its last part: when the ring's thread saw its end
};

}  // namespace blkback
