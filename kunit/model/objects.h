// SPDX-License-Identifier: GPL-2.0
// The driver's objects: their memory, and whether it is freed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace model {

inline constexpr size_t kArena = size_t{1} << 20;

// The same address in each run: values that threads read may be addresses.
inline uint8_t* const kArenaBegin = reinterpret_cast<uint8_t*>(0x100000000000);

[[nodiscard]] inline bool in_arena(const void* at) {
  return at >= kArenaBegin && at < kArenaBegin + kArena;
}
[[nodiscard]] inline size_t arena_byte(const void* at) {
  return static_cast<size_t>(static_cast<const uint8_t*>(at) - kArenaBegin);
}

[[nodiscard]] inline uint64_t read_real(const void* at, uint32_t bytes) {
  uint64_t value = 0;
  std::memcpy(&value, at, bytes);
  return value;
}

// Before a set-up.
void renew_objects();

// The running thread accesses the object at this byte of the arena.
void check_object(size_t byte, const void* caller);

}  // namespace model
