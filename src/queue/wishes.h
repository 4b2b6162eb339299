// SPDX-License-Identifier: GPL-2.0
// What the rings of a connection lack of what all guests share, until the
// device's work asks the others for it.
#pragma once

#include <atomic>
#include <cstdint>

namespace blkback {

// Pages, or handles for mappings.  Both come free when a grant is unmapped; a
// page must then still be given back to the host before others have it.
enum class Scarce : uint8_t {
  kNothing = 0,
  kHandles = 1,
  kPages = 2,
  kBoth = 3,
};

[[nodiscard]] constexpr bool includes(Scarce all, Scarce one) {
  return (static_cast<uint32_t>(all) & static_cast<uint32_t>(one)) != 0;
}

// Wishes of any thread, collected until somebody takes them all.
class Wishes {
 public:
  void add(Scarce wanted) {
    wanted_.fetch_or(static_cast<uint32_t>(wanted), std::memory_order_relaxed);
  }
  [[nodiscard]] Scarce take() {
    return static_cast<Scarce>(wanted_.exchange(0, std::memory_order_relaxed));
  }

 private:
  // Orders nothing: who adds schedules the work that takes.
  std::atomic<uint32_t> wanted_{0};
};

}  // namespace blkback
