// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstdint>

namespace model {

inline uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15;
  return hash ^ (hash >> 29);
}

}  // namespace model
