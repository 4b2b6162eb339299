// SPDX-License-Identifier: GPL-2.0
#include "support/random.h"

namespace kunit {

namespace {
bool used = false;
}  // namespace

bool seed_was_used() { return used; }
void forget_seed() { used = false; }

Random::Random() : state_(seed()) { used = true; }

// splitmix64: any state is valid.
uint32_t Random::below(uint32_t bound) {
  state_ += 0x9e3779b97f4a7c15u;
  uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  mixed ^= mixed >> 31;
  return static_cast<uint32_t>(mixed % bound);
}

}  // namespace kunit
