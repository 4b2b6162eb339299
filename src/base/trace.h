// SPDX-License-Identifier: GPL-2.0
#pragma once

#include "host/trace.h"

namespace blkback {

// Does somebody listen to the event?  One load and a branch that is not taken when nobody does.
[[gnu::always_inline]] inline bool traced(host_trace_event event) {
  // With a lower probability gcc lets the usual path jump over the call.
  return __builtin_expect_with_probability(__atomic_load_n(&host_trace_on[event], __ATOMIC_RELAXED),
                                           0, 1.0) != 0;
}

}  // namespace blkback
