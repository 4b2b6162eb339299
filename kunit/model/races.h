// SPDX-License-Identifier: GPL-2.0
// Plain accesses: each must happen before or after every other one to the same byte of which one
// writes.  explore.h has plain().
#pragma once

#include <cstdint>

namespace model {

// Before a set-up.
void renew_shadows();
[[nodiscard]] uint64_t hash_shadows(uint64_t seed);
// Before an exploration.
void forget_shadows();

}  // namespace model
