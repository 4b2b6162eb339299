// SPDX-License-Identifier: GPL-2.0
#include "planted.h"

#include "base/lock.h"
#include "host/memory.h"

namespace {

using blkback::SpinGuard;
using blkback::SpinLock;

void take_both(SpinLock& first, SpinLock& second) {
  const SpinGuard outer(first);
  const SpinGuard inner(second);
}

}  // namespace

void planted_out_of_bounds(uint32_t bytes) {
  auto* memory = static_cast<uint8_t*>(host_alloc(bytes));
  if (memory == nullptr) return;
  memory[bytes] = 1;
  host_free(memory, bytes);
}

uint8_t planted_use_after_free(uint32_t bytes) {
  auto* memory = static_cast<volatile uint8_t*>(host_alloc(bytes));
  if (memory == nullptr) return 0;
  host_free(const_cast<uint8_t*>(memory), bytes);
  return memory[0];
}

uint32_t planted_array_index(uint32_t index) {
  static const uint32_t four[4] = {1, 2, 3, 4};
  return four[index];
}

void planted_race(uint64_t* counter) { ++*counter; }

void planted_lock_inversion() {
  SpinLock statistics(HOST_LOCK_STATISTICS);
  SpinLock order(HOST_LOCK_ORDER);
  take_both(statistics, order);
  take_both(order, statistics);
}

void planted_leak(uint32_t bytes) {
  // The write keeps the compiler from removing the call.
  auto* memory = static_cast<volatile uint8_t*>(host_alloc(bytes));
  if (memory != nullptr) memory[0] = 1;
}

void planted_sleep_in_atomic() {
  SpinLock lock(HOST_LOCK_POOL);
  void* memory = nullptr;
  {
    const SpinGuard guard(lock);
    memory = host_alloc(64);
  }
  host_free(memory, 64);
}
