// SPDX-License-Identifier: GPL-2.0
#include "objects.h"

#include <sys/mman.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "explore.h"
#include "schedule.h"
#include "trace.h"

namespace model {
namespace {

constexpr uint32_t kNoObject = 0xffff;

struct Object {
  size_t bytes;
  bool freed;
  uint16_t last[kThreads];  // clocks of each thread's last access
};

bool mapped;
size_t used = kArena;
std::vector<Object> objects;
uint16_t object_of[kArena / 16];
bool frees;  // accesses must happen before the free

}  // namespace

void renew_objects() {
  if (!mapped) {
    const void* map = mmap(kArenaBegin, kArena, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (map == MAP_FAILED) std::abort();
    mapped = true;
  }
  std::memset(kArenaBegin, 0, used);
  std::memset(object_of, 0xff, sizeof(object_of));
  used = 64;
  objects.clear();
  frees = false;
}

void* allocate(size_t bytes) {
  bytes = (bytes + 31) & ~size_t{15};  // a gap, so that no two objects share a word
  if (used + bytes > kArena) {
    std::puts("the arena is too small");
    std::exit(2);
  }
  uint8_t* begin = kArenaBegin + used;
  for (size_t i = used / 16; i < (used + bytes) / 16; ++i) {
    object_of[i] = static_cast<uint16_t>(objects.size());
  }
  objects.push_back({bytes, false, {}});
  used += bytes;
  return begin;
}

void release(void* freed, const void* caller) {
  if (freed == nullptr) return;
  Object& object = objects[object_of[arena_byte(freed) / 16]];
  if (!schedule.exploring) {
    object.freed = true;
    return;
  }
  if (object.freed) fail("freed twice");
  object.freed = true;
  trace("free", freed, object.bytes, __ATOMIC_RELAXED, caller);
  for (uint32_t i = 0; i < schedule.thread_count; ++i) {
    if (i != schedule.running && object.last[i] > memory.now(schedule.running).clock[i]) {
      fail(i, "an access to freed memory does not happen before the free");
    }
  }
}

void watch_frees() { frees = true; }

void check_object(size_t byte, const void* caller) {
  const uint32_t number = object_of[byte / 16];
  if (number == kNoObject) return;
  Object& object = objects[number];
  if (frees) object.last[schedule.running] = memory.clock(schedule.running);
  if (!object.freed) return;
  trace("access", kArenaBegin + byte, 0, __ATOMIC_RELAXED, caller);
  fail("access to freed memory");
}

}  // namespace model
