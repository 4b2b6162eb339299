// SPDX-License-Identifier: GPL-2.0
// Sweeps: run a scenario once for each point at which something can go wrong.
#pragma once

#include <cstdint>

#include "fake_host/fake_host.h"
#include "support/device_fixture.h"
#include "support/random.h"

namespace kunit {

// The average step of a sweep: 1 in user space; more in a kernel, whose checks make everything a
// hundred times slower.
[[nodiscard]] uint32_t sweep_stride();

// Counts 1, 2, 3 and so on.  With a stride above 1 only the first few steps are 1, and the others
// are random.
class Sweep {
 public:
  explicit Sweep(uint32_t stride = sweep_stride()) : stride_(stride) {}

  [[nodiscard]] uint32_t at() const { return at_; }
  void next() { at_ += stride_ == 1 || at_ < kDense ? 1 : 1 + random_.below(2 * stride_ - 1); }

 private:
  static constexpr uint32_t kDense = 4;

  uint32_t stride_;
  Random random_;
  uint32_t at_ = 1;
};

// Runs `scenario(n)` for each n of a sweep until it returns false: there is no n-th point.
// Returns the number of points, or with a stride above 1 a few more; 0 if they have no end.
template <typename Scenario>
uint32_t sweep(Scenario scenario, uint32_t stride = sweep_stride()) {
  constexpr uint32_t kFarTooMany = 5000;
  for (Sweep sweep(stride); sweep.at() < kFarTooMany; sweep.next()) {
    const bool there = scenario(sweep.at());
    start_over();
    if (!there) return sweep.at() - 1;
  }
  return 0;
}

// Runs `scenario(n)` with n = 1, 2 and so on, the number of the fallible call that is to fail,
// until no call fails.  Returns the number of failures.
template <typename Scenario>
uint32_t with_each_call_failing(Scenario scenario) {
  return sweep([&scenario](uint32_t n) {
    scenario(n);
    return !fake::host().failed_call.empty();
  });
}

}  // namespace kunit
