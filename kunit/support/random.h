// SPDX-License-Identifier: GPL-2.0
// Random numbers.  A failing case prints their seed.  To repeat a run, set KUNIT_SEED, or in a
// kernel the module's parameter "seed".
#pragma once

#include <cstdint>

namespace kunit {

// The seed of this run: the one that was asked for, or one from the clock.
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
