// SPDX-License-Identifier: GPL-2.0
// Random numbers whose seed a failing case prints.  KUNIT_SEED repeats a run.
#pragma once

#include <cstdint>

namespace kunit {

// The seed of this run: from KUNIT_SEED, or of the moment.
[[nodiscard]] uint64_t seed();

[[nodiscard]] bool seed_was_used();
void forget_seed();

class Random {
 public:
  Random();

  // 0 to `bound` - 1.
  [[nodiscard]] uint32_t below(uint32_t bound);

 private:
  uint64_t state_;
};

}  // namespace kunit
