// SPDX-License-Identifier: GPL-2.0
#include "sharing.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "explore.h"
#include "objects.h"
#include "schedule.h"

namespace model {

bool news;

namespace {

constexpr uint8_t kNobody = 0;
constexpr uint8_t kShared = 0xff;

uint8_t owner[kArena];         // of each byte: the one thread that touches it, or kShared
uint16_t location_of[kArena];  // of a shared atomic object, by its first byte
uint32_t locations;
std::vector<std::pair<size_t, size_t>> words;  // of one run

}  // namespace

void forget_sharing() { std::memset(location_of, 0xff, sizeof(location_of)); }

void renew_words() { words.clear(); }

bool touch(size_t byte) {
  const auto me = static_cast<uint8_t>(schedule.running + 1);
  if (owner[byte] == kShared) return true;
  if (owner[byte] == me) return false;
  if (owner[byte] == kNobody) {
    owner[byte] = me;
    return false;
  }
  owner[byte] = kShared;
  news = true;
  return true;
}

uint32_t find_location(const void* at, uint32_t& bytes, size_t& byte) {
  byte = arena_byte(at);
  for (const auto& [from, count] : words) {
    if (byte >= from && byte < from + count) {
      byte &= ~size_t{7};
      bytes = 8;
    }
  }
  bool shared = false;
  for (uint32_t i = 0; i < bytes; ++i) shared |= touch(byte + i);
  if (!shared) return kNotShared;
  if (location_of[byte] == kNotShared) {
    if (locations == kLocations) {
      std::puts("too many shared locations");
      std::exit(2);
    }
    location_of[byte] = static_cast<uint16_t>(locations++);
    news = true;
  }
  return location_of[byte];
}

uint32_t location_count() { return locations; }

void are_words(const void* from, size_t bytes) { words.emplace_back(arena_byte(from), bytes); }

bool untouched_by_others(const void* at) {
  if (!schedule.exploring) return true;
  return in_arena(at) && !touch(arena_byte(at));
}

uint64_t newest(const void* at, uint32_t bytes) {
  const uint32_t location = location_of[arena_byte(at)];
  if (location != kNotShared && memory.known(location)) return memory.newest(location);
  return read_real(at, bytes);
}

}  // namespace model
