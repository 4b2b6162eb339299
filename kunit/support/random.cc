// SPDX-License-Identifier: GPL-2.0
#include "support/random.h"

#include <chrono>
#include <cstdlib>

namespace kunit {

namespace {
bool used = false;
}  // namespace

uint64_t seed() {
  static const uint64_t value = [] {
    const char* text = std::getenv("KUNIT_SEED");
    if (text != nullptr) return static_cast<uint64_t>(std::strtoull(text, nullptr, 0));
    return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  }();
  return value;
}

bool seed_was_used() { return used; }
void forget_seed() { used = false; }

Random::Random() : state_(seed()) { used = true; }

// splitmix64, whose state may be anything.
uint32_t Random::below(uint32_t bound) {
  state_ += 0x9e3779b97f4a7c15u;
  uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  mixed ^= mixed >> 31;
  return static_cast<uint32_t>(mixed % bound);
}

}  // namespace kunit
