// SPDX-License-Identifier: GPL-2.0
// The threads of a case: who goes on at each step, until all have ended, one has found a fault, or
// the run is where an earlier one has been.  explore.h has what cases call.
#pragma once

#include <cstdint>
#include <string>

#include "memory.h"

namespace model {

// What the other parts of the checker ask of the run that is under way.
struct Schedule {
  bool exploring = false;  // the threads run: not in a set-up, and not after the run
  bool tracing = false;    // the run is shown, and may go where an earlier one has been
  uint32_t running = 0;
  uint32_t thread_count = 0;
};

extern Schedule schedule;
extern Memory memory;

enum End : uint8_t { kRunning, kAllDone, kVisited, kFault };

// Before an exploration.
void forget_states();
[[nodiscard]] size_t state_count();
// Before a set-up.
void renew_threads(uint32_t preemptions);
// After it.
[[nodiscard]] End run_threads();
// After all runs.  Returns false when `check` has called fail().
[[nodiscard]] bool holds(void (*check)());

// The running thread is about to do what others can notice: they may go on before.
void reschedule();
// The running thread does something without a choice before it.
void go_on();

[[nodiscard]] const char* thread_name(uint32_t thread);
[[noreturn]] void fail(uint32_t thread, const char* what);
// The words of the last fault.
[[nodiscard]] const std::string& fault();

}  // namespace model
