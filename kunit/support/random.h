// SPDX-License-Identifier: GPL-2.0
// Random numbers whose seed a failing case prints.  KUNIT_SEED repeats a run, in
// a kernel the module's parameter "seed".
#pragma once

#include <cstdint>

namespace kunit {

// The seed of this run: what was asked for, or one of the moment.
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
