// SPDX-License-Identifier: GPL-2.0
// The functions that the compiler calls with -fsanitize=thread, in place of ThreadSanitizer's.
#include "explore.h"

#define CALLER __builtin_return_address(0)

// NOLINTBEGIN: the names are the compiler's.
extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}

#define PLAIN(size)                                                                     \
  void __tsan_read##size(void* at) { model::plain(at, size, false, CALLER); }           \
  void __tsan_write##size(void* at) { model::plain(at, size, true, CALLER); }           \
  void __tsan_unaligned_read##size(void* at) { model::plain(at, size, false, CALLER); } \
  void __tsan_unaligned_write##size(void* at) { model::plain(at, size, true, CALLER); }
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_read_range(void* at, unsigned long bytes) { model::plain(at, bytes, false, CALLER); }
void __tsan_write_range(void* at, unsigned long bytes) { model::plain(at, bytes, true, CALLER); }

void __tsan_atomic_thread_fence(int order) { model::fence(order, CALLER); }
void __tsan_atomic_signal_fence(int) {}

#define RMW(bits, name, how)                                                                    \
  uint##bits##_t __tsan_atomic##bits##_##name(volatile void* at, uint##bits##_t value,          \
                                              int order) {                                      \
    return static_cast<uint##bits##_t>(                                                         \
        model::modify(const_cast<void*>(at), bits / 8, model::Rmw::how, value, order, CALLER)); \
  }

#define CAS(bits, name)                                                                          \
  int __tsan_atomic##bits##_compare_exchange_##name(                                             \
      volatile void* at, void* expected, uint##bits##_t desired, int order, int failure_order) { \
    auto* wanted = static_cast<uint##bits##_t*>(expected);                                       \
    uint64_t value = *wanted;                                                                    \
    const bool stored = model::compare_exchange(const_cast<void*>(at), bits / 8, value, desired, \
                                                order, failure_order, CALLER);                   \
    if (!stored) *wanted = static_cast<uint##bits##_t>(value);                                   \
    return stored;                                                                               \
  }

#define ATOMIC(bits)                                                                     \
  uint##bits##_t __tsan_atomic##bits##_load(const volatile void* at, int order) {        \
    return static_cast<uint##bits##_t>(                                                  \
        model::load(const_cast<const void*>(at), bits / 8, order, CALLER));              \
  }                                                                                      \
  void __tsan_atomic##bits##_store(volatile void* at, uint##bits##_t value, int order) { \
    model::store(const_cast<void*>(at), bits / 8, value, order, CALLER);                 \
  }                                                                                      \
  RMW(bits, exchange, kExchange)                                                         \
  RMW(bits, fetch_add, kAdd)                                                             \
  RMW(bits, fetch_sub, kSub)                                                             \
  RMW(bits, fetch_or, kOr)                                                               \
  RMW(bits, fetch_and, kAnd)                                                             \
  RMW(bits, fetch_xor, kXor)                                                             \
  CAS(bits, strong)                                                                      \
  CAS(bits, weak)
ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

}  // extern "C"
// NOLINTEND
