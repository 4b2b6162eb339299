// SPDX-License-Identifier: GPL-2.0
#pragma once

#include "host/trace.h"

namespace fake {

// What a tracepoint was told.  Members that the event does not have are 0.
struct Traced {
  host_trace_event event = HOST_TRACE_EVENTS;
  host_trace_ring ring{};
  host_trace_request request{};
  host_trace_stall_reason reason = HOST_TRACE_NO_SLOTS;
  uint32_t requests = 0;
  uint32_t mapped = 0;
  uint32_t unmapped = 0;
  uint32_t copied = 0;
  uint32_t free_pages = 0;
};

}  // namespace fake
