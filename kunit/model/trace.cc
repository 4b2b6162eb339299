// SPDX-License-Identifier: GPL-2.0
#include "trace.h"

#include <cstdio>

#include "objects.h"
#include "schedule.h"

namespace model {

const char* order_name(int order) {
  switch (order) {
    case __ATOMIC_RELAXED:
      return "relaxed";
    case __ATOMIC_ACQUIRE:
    case __ATOMIC_CONSUME:
      return "acquire";
    case __ATOMIC_RELEASE:
      return "release";
    case __ATOMIC_ACQ_REL:
      return "acq_rel";
    case __ATOMIC_SEQ_CST:
      return "seq_cst";
    default:
      return "full";
  }
}

void trace(const char* what, const void* at, uint64_t value, int order, const void* caller) {
  if (!schedule.tracing) return;
  std::printf("  %-10s %-8s %-8s %5zx = %llx%s\t@%p\n", thread_name(schedule.running), what,
              order_name(order), in_arena(at) ? arena_byte(at) : 0,
              static_cast<unsigned long long>(value),
              memory.was_newest() ? "" : " (not the newest)", caller);
}

}  // namespace model
