// SPDX-License-Identifier: GPL-2.0
// The contents of the fake host's disk.
#pragma once

#include <cstdint>

#include "fake_host/fake_host.h"

namespace kunit {

// Does every byte of the `count` sectors from sector `from` on equal `byte`?
[[nodiscard]] inline bool disk_holds(uint64_t from, uint64_t count, uint8_t byte) {
  for (uint64_t at = from * 512; at < (from + count) * 512; ++at) {
    if (fake::host().disk_byte(at) != byte) return false;
  }
  return true;
}

inline void fill_disk(uint64_t from, uint64_t count, uint8_t byte) {
  fake::host().need_disk((from + count) * 512);
  for (uint64_t at = from * 512; at < (from + count) * 512; ++at) fake::host().disk[at] = byte;
}

}  // namespace kunit
