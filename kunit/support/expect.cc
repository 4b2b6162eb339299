// SPDX-License-Identifier: GPL-2.0
// What cases expect of the host between and after their parts.
#include "support/bench.h"
#include "support/expectations.h"

namespace kunit {

void expect_no_leaks() { EXPECT_EQ(fake::host().leaks(), ""); }

void start_over() {
  expect_no_leaks();
  fake::renew_host();
}

}  // namespace kunit
