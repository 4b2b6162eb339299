// SPDX-License-Identifier: GPL-2.0
// Atomic accesses and fences: each goes to the weak memory when several threads touch the object,
// and other threads may go on before it.
#include <cstring>

#include "explore.h"
#include "objects.h"
#include "schedule.h"
#include "sharing.h"
#include "sites.h"
#include "trace.h"

namespace model {
namespace {

uint64_t mask_of(uint32_t bytes) {
  return bytes == 8 ? ~uint64_t{0} : (uint64_t{1} << bytes * 8) - 1;
}

struct Access {
  uint32_t location = kNotShared;
  uint32_t shift = 0;  // of the accessed bytes in their word, in bits
  int order = 0;
  bool acquire = false;
  bool release = false;
  bool full = false;
};

Access begin(const void* at, uint32_t bytes, const char* what, int order, const void* caller,
             bool only_stores = false) {
  Access access;
  access.order = order;
  if (!schedule.exploring) {
    forget_caller();
    return access;
  }
  Site& site = site_of(caller, what, order);
  if (!in_arena(at)) return access;
  size_t byte = 0;
  uint32_t whole = bytes;
  access.location = find_location(at, whole, byte);
  check_object(byte, caller);
  if (access.location == kNotShared) return access;
  site.shared = true;
  if (order == __ATOMIC_SEQ_CST) fail("a seq_cst access: the model has only fences");
  if (weakened(site, what, order)) access.order = __ATOMIC_RELAXED;
  access.full = access.order == kFull;
  access.acquire =
      access.full || access.order == __ATOMIC_ACQUIRE || access.order == __ATOMIC_ACQ_REL;
  access.release =
      access.full || access.order == __ATOMIC_RELEASE || access.order == __ATOMIC_ACQ_REL;
  access.shift = static_cast<uint32_t>(static_cast<const uint8_t*>(at) - (kArenaBegin + byte)) * 8;
  // A store may be made at once: whoever runs later need not see it, and may store before it.
  if (only_stores) {
    go_on();
  } else {
    reschedule();
  }
  check_object(byte, caller);
  if (!memory.known(access.location)) {
    memory.first(access.location, read_real(kArenaBegin + byte, whole));
  }
  if (access.full) memory.fence(schedule.running, true, true, true);
  return access;
}

void finish(const Access& access, const char* what, void* at, uint32_t bytes, uint64_t read,
            uint64_t shown, const void* caller) {
  if (access.full) memory.fence(schedule.running, true, true, true);
  note(read);
  note(reinterpret_cast<uintptr_t>(caller));
  const uint64_t value = memory.newest(access.location) >> access.shift;
  std::memcpy(at, &value, bytes);
  trace(what, at, shown, access.order, caller);
}

uint64_t apply(Rmw how, uint64_t value, uint64_t operand) {
  switch (how) {
    case Rmw::kExchange:
      return operand;
    case Rmw::kAdd:
      return value + operand;
    case Rmw::kSub:
      return value - operand;
    case Rmw::kOr:
      return value | operand;
    case Rmw::kAnd:
      return value & operand;
    case Rmw::kXor:
      break;
  }
  return value ^ operand;
}

}  // namespace

void publish(View& view) {
  if (schedule.exploring) memory.publish(schedule.running, view);
}

void release_to(View& view) {
  if (schedule.exploring) memory.release_to(schedule.running, view);
}

void observe(const View& view) {
  if (schedule.exploring) memory.observe(schedule.running, view);
}

uint64_t load(const void* at, uint32_t bytes, int order, const void* caller) {
  const Access access = begin(at, bytes, "load", order, caller);
  if (access.location == kNotShared) return read_real(at, bytes);
  const uint64_t value =
      memory.load(schedule.running, access.location, access.acquire) >> access.shift &
      mask_of(bytes);
  finish(access, "load", const_cast<void*>(at), bytes, value, value, caller);
  return value;
}

void store(void* at, uint32_t bytes, uint64_t value, int order, const void* caller) {
  const Access access = begin(at, bytes, "store", order, caller, true);
  if (access.location == kNotShared) {
    std::memcpy(at, &value, bytes);
    return;
  }
  const uint64_t mask = mask_of(bytes) << access.shift;
  memory.store(schedule.running, access.location, value << access.shift & mask, mask,
               access.release);
  finish(access, "store", at, bytes, 0, value, caller);
}

uint64_t modify(void* at, uint32_t bytes, Rmw how, uint64_t operand, int order,
                const void* caller) {
  const Access access = begin(at, bytes, "modify", order, caller);
  const uint64_t mask = mask_of(bytes);
  if (access.location == kNotShared) {
    const uint64_t old = read_real(at, bytes);
    const uint64_t value = apply(how, old, operand) & mask;
    std::memcpy(at, &value, bytes);
    return old;
  }
  const uint64_t old = memory.modify(schedule.running, access.location, access.acquire,
                                     access.release, [&](uint64_t& value) {
                                       value = apply(how, value, operand) & mask;
                                       return true;
                                     });
  finish(access, "modify", at, bytes, old, old, caller);
  return old;
}

bool compare_exchange(void* at, uint32_t bytes, uint64_t& expected, uint64_t desired, int order,
                      int failure_order, const void* caller) {
  const Access access = begin(at, bytes, "modify", order, caller);
  const uint64_t wanted = expected;
  if (access.location == kNotShared) {
    expected = read_real(at, bytes);
    if (expected == wanted) std::memcpy(at, &desired, bytes);
    return expected == wanted;
  }
  expected = memory.modify(
      schedule.running, access.location, access.acquire, access.release,
      [&](uint64_t& value) {
        if (value != wanted) return false;
        value = desired;
        return true;
      },
      access.order != __ATOMIC_RELAXED && failure_order == __ATOMIC_ACQUIRE);
  finish(access, "modify", at, bytes, expected, expected, caller);
  return expected == wanted;
}

void fence(int order, const void* caller) {
  if (!schedule.exploring) {
    forget_caller();
    return;
  }
  Site& site = site_of(caller, "fence", order);
  site.shared = true;
  if (weakened(site, "fence", order)) return;
  // Other fences change only what their own thread sees.
  if (order == __ATOMIC_SEQ_CST || order == kFull) reschedule();
  memory.fence(schedule.running, order != __ATOMIC_RELEASE, order != __ATOMIC_ACQUIRE,
               order == __ATOMIC_SEQ_CST || order == kFull);
  note(reinterpret_cast<uintptr_t>(caller));
  trace("fence", nullptr, 0, order, caller);
}

}  // namespace model
