// SPDX-License-Identifier: GPL-2.0
// Notes for run.sh: which cases began and how they ended.  Unbuffered, so that they survive an
// abort.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>

namespace kunit {

// Writes to the file that KUNIT_NOTES names.
class Notes : public testing::EmptyTestEventListener {
 public:
  Notes();
  ~Notes() override;
  Notes(const Notes&) = delete;
  Notes& operator=(const Notes&) = delete;

  void OnTestIterationStart(const testing::UnitTest& all, int) override;
  void OnTestStart(const testing::TestInfo& info) override;
  void OnTestEnd(const testing::TestInfo& info) override;

 private:
  void note(const char* word, const testing::TestInfo& info);

  std::FILE* file_ = nullptr;
};

}  // namespace kunit
