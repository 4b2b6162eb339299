// SPDX-License-Identifier: GPL-2.0
#include "choices.h"

#include <cstdio>
#include <cstdlib>

namespace model {

Choices choices;

uint32_t Choices::choose(uint32_t count) {
  if (count == 1) return 0;
  if (depth_ == path_.size()) path_.push_back({0, count});
  if (path_[depth_].count != count) {
    std::puts("a run took another course than the one before it");
    std::exit(2);
  }
  return path_[depth_++].chosen;
}

bool Choices::next() {
  while (!path_.empty() && path_.back().chosen + 1 == path_.back().count) path_.pop_back();
  if (path_.empty()) return false;
  ++path_.back().chosen;
  return true;
}

}  // namespace model
