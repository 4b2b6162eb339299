// SPDX-License-Identifier: GPL-2.0
// The seed in user space; in a kernel it is a parameter of the module.
#include <chrono>
#include <cstdlib>

#include "support/random.h"

namespace kunit {

uint64_t seed() {
  static const uint64_t value = [] {
    const char* text = std::getenv("KUNIT_SEED");
    if (text != nullptr) return static_cast<uint64_t>(std::strtoull(text, nullptr, 0));
    return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  }();
  return value;
}

}  // namespace kunit
