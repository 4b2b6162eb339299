// SPDX-License-Identifier: GPL-2.0
// Runs the cases in user space.  Every case starts on a fresh host and must leave no leaks.
#include <gtest/gtest.h>

#include <cstdio>

#include "fake_host/fake_host.h"
#include "support/notes.h"
#include "support/random.h"
#include "support/sweep.h"

namespace {

class FreshHost : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo&) override {
    fake::renew_host();
    kunit::forget_seed();
  }
  void OnTestEnd(const testing::TestInfo& info) override {
    EXPECT_EQ(fake::host().leaks(), "");
    if (!info.result()->Passed() && kunit::seed_was_used()) {
      std::printf("random numbers came from KUNIT_SEED=%llu\n",
                  static_cast<unsigned long long>(kunit::seed()));
    }
  }
};

}  // namespace

void fake::Host::report(const std::string& what) { ADD_FAILURE() << "broken contract: " << what; }

uint32_t kunit::sweep_stride() { return 1; }

int main(int argc, char** argv) {
  testing::GTEST_FLAG(brief) = true;
  testing::InitGoogleTest(&argc, argv);
  // OnTestEnd() is called on the listeners in reverse order: FreshHost checks for leaks before
  // Notes records the result.
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  listeners.Append(new kunit::Notes);
  listeners.Append(new FreshHost);
  return RUN_ALL_TESTS();
}
