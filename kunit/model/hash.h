// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace model {

inline uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15;
  return hash ^ (hash >> 29);
}

// Four words at a time: their products do not wait for each other.
inline uint64_t mix(uint64_t hash, const uint8_t* at, size_t bytes) {
  for (; bytes >= 32; at += 32, bytes -= 32) {
    uint64_t words[4];
    std::memcpy(words, at, sizeof(words));
    hash = mix(hash, words[0] * 0xff51afd7ed558ccd + words[1] * 0xc4ceb9fe1a85ec53 +
                         words[2] * 0x87c37b91114253d5 + words[3] * 0x4cf5ad432745937f);
  }
  for (; bytes != 0; ++at, --bytes) hash = mix(hash, *at);
  return hash;
}

}  // namespace model
