// SPDX-License-Identifier: GPL-2.0
// Explores all that a case's threads can do: each order of their accesses to shared memory, and
// each message that the weak memory (memory.h) lets a load return.
//
// The threads run the driver's own code, built with -fsanitize=thread: the compiler then calls
// a function for each access to memory, and hooks.cc sends these calls here instead of to
// ThreadSanitizer.  A thread may be switched before each access that others can notice.  A case
// is run again and again, each time with other choices, until none is left.  A run stops where
// an earlier one has been: in the same state of the memory, with threads that have read the
// same values so far.
//
// Reported: what the case asserts; a thread that waits for ever; two accesses of which one is
// a plain write and none happens before the other; access to freed memory, and a free that an
// access does not happen before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "memory.h"

namespace model {

// The driver's objects: an access anywhere else is of no interest to others.
void* allocate(size_t bytes);
void release(void* memory, const void* caller);
// In a set-up: all accesses to an object must happen before it is freed.  Costs states.
void watch_frees();

enum class Ends : uint8_t {
  kMust,  // a run in which it waits for ever is a fault
  kMay,   // it serves the others
};
// Context: set-up of a case, or one of its threads.
uint32_t spawn(const char* name, Ends ends, std::function<void()> run);

// Waits until `ready`, which must depend on what threads have done and not on time.  Other
// threads may run before it returns.
void step(const std::function<bool()>& ready);
void step();
// The thread has read `value` from an object that is not accessed with the functions below.
void note(uint64_t value);
// From here on what the calling thread does depends on is_state() alone, not on what it has read.
void start_over();
// From now on the calling thread goes on only when all others wait.
void wait_for_others();
[[nodiscard]] uint32_t self();

// The case has found a fault: ends the run, and the exploration.
[[noreturn]] void fail(const char* what);
inline void require(bool good, const char* what) {
  if (!good) fail(what);
}
// The run's outcome.  Cases that check the checker compare the set of all outcomes.
void outcome(uint64_t value);
[[nodiscard]] bool seen(uint64_t value);

// Objects of the kernel's: what is published with a view is seen by who observes it.
void publish(View& view);     // with a full fence
void release_to(View& view);  // as the end of a locked section does
void observe(const View& view);
// Has only the calling thread touched the object at this address so far?
[[nodiscard]] bool untouched_by_others(const void* at);
// Hashed as part of the state; `views` of them are views at its beginning.
void is_state(const void* memory, size_t bytes, View* views, uint32_t count);

// Accesses.  `order` is one of __ATOMIC_*, or kFull, which is a full fence before and after.
inline constexpr int kFull = 100;
enum class Rmw : uint8_t { kExchange, kAdd, kSub, kOr, kAnd, kXor };
uint64_t load(const void* at, uint32_t bytes, int order, const void* caller);
void store(void* at, uint32_t bytes, uint64_t value, int order, const void* caller);
uint64_t modify(void* at, uint32_t bytes, Rmw how, uint64_t operand, int order, const void* caller);
bool compare_exchange(void* at, uint32_t bytes, uint64_t& expected, uint64_t desired, int order,
                      int failure_order, const void* caller);
void fence(int order, const void* caller);
void plain(const void* at, size_t bytes, bool writes, const void* caller);
// The newest value, for step().
[[nodiscard]] uint64_t newest(const void* at, uint32_t bytes);
// In this memory accesses of different sizes overlap: words of 8 bytes.
void are_words(const void* from, size_t bytes);

inline constexpr uint32_t kAnyPreemptions = 1u << 30;

struct Case {
  const char* name;
  const char* claims;
  void (*set_up)();
  void (*ended)() = nullptr;      // after all runs
  void (*run_ended)() = nullptr;  // after a run, when all threads have ended or wait
  // How often a thread is switched that could go on.  Fewer where the threads do much; a thread
  // still reads each value that the memory allows.
  uint32_t preemptions = kAnyPreemptions;
};

struct Options {
  uint64_t most_runs = 0;    // 0: no limit
  uint32_t preemptions = 0;  // 0: as the case says
  bool trace = false;
};

// The next access is made in a function that was called from there, as those of shared.c are.
void called_from(const void* caller);

// Weakens the accesses that are made from this address to relaxed, and fences to nothing.
void weaken(const void* caller);

// Explores, and prints the accesses that were made and the fault that was found.  Returns true
// when there was none.
[[nodiscard]] bool explore(const Case& tried, const Options& options);

}  // namespace model
