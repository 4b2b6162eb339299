// SPDX-License-Identifier: GPL-2.0
#include "support/notes.h"

#include <cstdlib>

namespace kunit {

Notes::Notes() {
  const char* path = std::getenv("KUNIT_NOTES");
  if (path != nullptr) file_ = std::fopen(path, "w");
  if (file_ != nullptr) std::setvbuf(file_, nullptr, _IONBF, 0);
}

Notes::~Notes() {
  if (file_ != nullptr) std::fclose(file_);
}

void Notes::OnTestIterationStart(const testing::UnitTest& all, int) {
  if (file_ != nullptr) std::fprintf(file_, "planned %d\n", all.test_to_run_count());
}

void Notes::OnTestStart(const testing::TestInfo& info) { note("started", info); }

void Notes::OnTestEnd(const testing::TestInfo& info) {
  note(info.result()->Passed() ? "passed" : "failed", info);
}

void Notes::note(const char* word, const testing::TestInfo& info) {
  if (file_ == nullptr) return;
  std::fprintf(file_, "%s %s.%s\n", word, info.test_suite_name(), info.name());
}

}  // namespace kunit
