// SPDX-License-Identifier: GPL-2.0
// The fake host's complaints while a case makes a mistake on purpose.
//
// A check that has never failed proves nothing.  So each check has a case (cases/host/*.cc) that
// breaks the rule and finds the complaint here instead of in the report.
#pragma once

#include <string>
#include <vector>

#include "fake_host/fake_host.h"

namespace kunit {

class Complaints {
 public:
  Complaints() { fake::host().complaints = &heard_; }
  ~Complaints() { fake::host().complaints = nullptr; }
  Complaints(const Complaints&) = delete;
  Complaints& operator=(const Complaints&) = delete;

  // The number of complaints, or of those that contain the text.
  [[nodiscard]] size_t count() const { return heard_.size(); }
  [[nodiscard]] size_t count(const char* part) const {
    size_t complaints = 0;
    for (const std::string& what : heard_) {
      if (what.find(part) != std::string::npos) ++complaints;
    }
    return complaints;
  }
  // Did this complaint come exactly `times` times, and no other?
  [[nodiscard]] bool only(const char* part, size_t times = 1) const {
    return count() == times && count(part) == times;
  }

 private:
  std::vector<std::string> heard_;
};

}  // namespace kunit
