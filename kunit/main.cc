// SPDX-License-Identifier: GPL-2.0
// Runs the cases in user space.  Every case starts on a fresh host and leaves
// nothing behind.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "fake_host/fake_host.h"
#include "support/random.h"

namespace {

// Notes for run.sh: unbuffered, to outlive an abort.
class Notes : public testing::EmptyTestEventListener {
 public:
  Notes() {
    const char* path = std::getenv("KUNIT_NOTES");
    if (path != nullptr) file_ = std::fopen(path, "w");
    if (file_ != nullptr) std::setvbuf(file_, nullptr, _IONBF, 0);
  }
  ~Notes() override {
    if (file_ != nullptr) std::fclose(file_);
  }
  Notes(const Notes&) = delete;
  Notes& operator=(const Notes&) = delete;

  void OnTestIterationStart(const testing::UnitTest& all, int) override {
    if (file_ != nullptr) std::fprintf(file_, "planned %d\n", all.test_to_run_count());
  }
  void OnTestStart(const testing::TestInfo& info) override { note("started", info); }
  void OnTestEnd(const testing::TestInfo& info) override {
    note(info.result()->Passed() ? "passed" : "failed", info);
  }

 private:
  void note(const char* word, const testing::TestInfo& info) {
    if (file_ == nullptr) return;
    std::fprintf(file_, "%s %s.%s\n", word, info.test_suite_name(), info.name());
  }

  std::FILE* file_ = nullptr;
};

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

void fake::Host::broken(const std::string& what) { ADD_FAILURE() << "broken contract: " << what; }

int main(int argc, char** argv) {
  testing::GTEST_FLAG(brief) = true;
  testing::InitGoogleTest(&argc, argv);
  // Ends of cases go through the listeners in reverse order: first the host is
  // looked at, then the result is noted.
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  listeners.Append(new Notes);
  listeners.Append(new FreshHost);
  return RUN_ALL_TESTS();
}
