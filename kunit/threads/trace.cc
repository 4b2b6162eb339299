// SPDX-License-Identifier: GPL-2.0
// The tracepoints of the host with threads: all events are on, so that the cases run the code
// that describes them.
#include "host/trace.h"

extern "C" {

uint8_t host_trace_on[HOST_TRACE_EVENTS] = {1, 1, 1, 1, 1};

void host_trace_taken(const host_trace_request*) {}
void host_trace_submitted(const host_trace_request*) {}
void host_trace_done(const host_trace_request*) {}
void host_trace_grants(const host_trace_ring*, uint32_t, uint32_t, uint32_t, uint32_t) {}
void host_trace_stall(const host_trace_ring*, host_trace_stall_reason, uint32_t) {}

}  // extern "C"
