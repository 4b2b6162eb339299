// SPDX-License-Identifier: GPL-2.0
// The choices of a run: who goes on, which message a load returns, where a store goes.  The next
// run repeats them up to the last one that can be made in another way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace model {

class Choices {
 public:
  // Before an exploration.
  void forget() { path_.clear(); }
  // Before each run.
  void begin() { depth_ = 0; }
  // After a run.  Returns false when all ways have been tried.
  [[nodiscard]] bool next();

  // Returns a number below `count`.
  uint32_t choose(uint32_t count);
  // Did the run before this one make the next choice, too?
  [[nodiscard]] bool repeats() const { return depth_ < path_.size(); }
  // How many choices this run has made.
  [[nodiscard]] size_t made() const { return depth_; }

 private:
  struct Choice {
    uint32_t chosen;
    uint32_t count;
  };
  std::vector<Choice> path_;
  size_t depth_ = 0;
};

extern Choices choices;

}  // namespace model
