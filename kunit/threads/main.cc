// SPDX-License-Identifier: GPL-2.0
// Runs the cases with threads.  Every case starts on a fresh host and leaves
// nothing behind.
#include <gtest/gtest.h>

#include "support/notes.h"
#include "threads/host.h"

namespace {

class FreshHost : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo&) override { threads::renew_host(); }
  void OnTestEnd(const testing::TestInfo&) override {
    EXPECT_TRUE(threads::host().works_rest());
    EXPECT_EQ(threads::host().leaks(), "");
    threads::end_host();
  }
};

}  // namespace

int main(int argc, char** argv) {
  testing::GTEST_FLAG(brief) = true;
  testing::InitGoogleTest(&argc, argv);
  // The order of the listeners matters: see kunit/main.cc.
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  listeners.Append(new kunit::Notes);
  listeners.Append(new FreshHost);
  return RUN_ALL_TESTS();
}
