// SPDX-License-Identifier: GPL-2.0
// Runs one case as kunit/main.cc does in user space.
#include "fake_host/fake_host.h"
#include "kernel/expectations.h"
#include "kernel/glue/harness.h"
#include "kernel/run_time.h"
#include "support/random.h"
#include "support/sweep.h"

void fake::Host::report(const std::string& what) { ADD_FAILURE() << "broken contract: " << what; }

uint64_t kunit::seed() { return harness_seed(); }
uint32_t kunit::sweep_stride() { return 10; }

extern "C" void harness_run_case(void (*body)(void)) {
  // An earlier case may have ended in the middle: free what it left.
  fake::drop_host();
  run_time::forget_allocations();
  fake::renew_host();
  kunit::forget_seed();
  body();
  EXPECT_EQ(fake::host().leaks(), "");
  fake::drop_host();
  EXPECT_EQ(run_time::allocations(), 0u) << ": pieces of memory are left over";
  run_time::forget_allocations();
  if (harness_failed() && kunit::seed_was_used()) {
    harness_say("random numbers came from seed=%llu",
                static_cast<unsigned long long>(kunit::seed()));
  }
}
