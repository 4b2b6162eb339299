// SPDX-License-Identifier: GPL-2.0
// Checks of the host between the parts of a case.
#include "support/device_fixture.h"
#include "support/expectations.h"

namespace kunit {

void expect_no_leaks() { EXPECT_EQ(fake::host().leaks(), ""); }

void start_over() {
  expect_no_leaks();
  fake::renew_host();
}

}  // namespace kunit
