// SPDX-License-Identifier: GPL-2.0
// The shared resources that rings lack, collected until the device's work deals with them.
// A connection collects the wishes of its own rings, a device those of other rings.
#pragma once

#include <atomic>
#include <cstdint>

namespace blkback {

// Pages, or handles for mappings.  Both come free when a grant is unmapped.  The page then
// goes to the connection's pool; another device can have it only after the pool has given it
// back to the host.  kMemory: memory within the guest's cap, which only the guest's own
// devices can give back.
enum class Scarce : uint8_t {
  kNothing = 0,
  kHandles = 1,
  kPages = 2,
  kBoth = 3,
  kMemory = 4,
};

[[nodiscard]] constexpr bool includes(Scarce all, Scarce one) {
  return (static_cast<uint32_t>(all) & static_cast<uint32_t>(one)) != 0;
}

// Any thread may add wishes.  take() returns all of them and empties the collection.
class Wishes {
 public:
  void add(Scarce wanted) {
    wanted_.fetch_or(static_cast<uint32_t>(wanted), std::memory_order_relaxed);
  }
  [[nodiscard]] Scarce take() {
    return static_cast<Scarce>(wanted_.exchange(0, std::memory_order_relaxed));
  }

 private:
  // Relaxed: the thread that adds then schedules the work that takes, which orders the two.
  std::atomic<uint32_t> wanted_{0};
};

}  // namespace blkback
