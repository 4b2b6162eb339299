// SPDX-License-Identifier: GPL-2.0
#include "races.h"

#include <cstring>
#include <vector>

#include "explore.h"
#include "hash.h"
#include "objects.h"
#include "schedule.h"
#include "sharing.h"
#include "trace.h"

namespace model {
namespace {

constexpr uint32_t kNoShadow = 0xffff;

// Who has read and written a byte that several threads touch.
struct Shadow {
  uint16_t wrote[kThreads];
  uint16_t read[kThreads];
};

uint16_t shadow_of[kArena];  // of a shared byte
uint32_t shadows;
std::vector<Shadow> shadow;  // of one run

}  // namespace

void forget_shadows() { std::memset(shadow_of, 0xff, sizeof(shadow_of)); }

void renew_shadows() { shadow.assign(shadows, Shadow{}); }

uint64_t hash_shadows(uint64_t seed) {
  for (const Shadow& who : shadow) {
    for (uint32_t i = 0; i < schedule.thread_count; ++i) {
      seed = mix(seed, uint64_t{who.wrote[i]} << 16 | who.read[i]);
    }
  }
  return seed;
}

void plain(const void* at, size_t bytes, bool writes, const void* caller) {
  if (!schedule.exploring || !in_arena(at)) return;
  const uint32_t running = schedule.running;
  const size_t from = arena_byte(at);
  check_object(from, caller);
  for (size_t byte = from; byte < from + bytes; ++byte) {
    if (!touch(byte)) continue;
    if (shadow_of[byte] == kNoShadow) {
      shadow_of[byte] = static_cast<uint16_t>(shadows++);
      news = true;
    }
    if (!writes) note(kArenaBegin[byte]);
    if (shadow_of[byte] >= shadow.size()) continue;  // from the next run on
    Shadow& who = shadow[shadow_of[byte]];
    const uint16_t clock = memory.clock(running);
    const View& now = memory.now(running);
    for (uint32_t i = 0; i < schedule.thread_count; ++i) {
      if (i == running) continue;
      if (who.wrote[i] > now.clock[i] || (writes && who.read[i] > now.clock[i])) {
        trace(writes ? "write" : "read", at, 0, __ATOMIC_RELAXED, caller);
        fail(writes ? "a plain write races with another access"
                    : "a plain read races with a write");
      }
    }
    (writes ? who.wrote : who.read)[running] = clock;
  }
}

}  // namespace model
