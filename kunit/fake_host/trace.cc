// SPDX-License-Identifier: GPL-2.0
// The tracepoints of the fake host: Host::traced lists what was traced.
#include "host/trace.h"

#include "fake_host/fake_host.h"

using fake::Host;
using fake::host;
using fake::Traced;

namespace {

void add(host_trace_event event, const Traced& traced) {
  if (host_trace_on[event] == 0) Host::broken("an event is traced to which nobody listens");
  host().traced.push_back(traced);
}

void add_request(host_trace_event event, const host_trace_request& request) {
  add(event, {.event = event, .ring = request.ring, .request = request});
}

}  // namespace

extern "C" {

uint8_t host_trace_on[HOST_TRACE_EVENTS] = {};

void host_trace_taken(const host_trace_request* request) {
  add_request(HOST_TRACE_TAKEN, *request);
}

void host_trace_submitted(const host_trace_request* request) {
  add_request(HOST_TRACE_SUBMITTED, *request);
}

void host_trace_done(const host_trace_request* request) { add_request(HOST_TRACE_DONE, *request); }

void host_trace_grants(const host_trace_ring* ring, uint32_t mapped, uint32_t unmapped,
                       uint32_t copied, uint32_t free_pages) {
  add(HOST_TRACE_GRANTS, {.event = HOST_TRACE_GRANTS,
                          .ring = *ring,
                          .mapped = mapped,
                          .unmapped = unmapped,
                          .copied = copied,
                          .free_pages = free_pages});
}

void host_trace_stall(const host_trace_ring* ring, host_trace_stall_reason reason,
                      uint32_t requests) {
  add(HOST_TRACE_STALL,
      {.event = HOST_TRACE_STALL, .ring = *ring, .reason = reason, .requests = requests});
}

}  // extern "C"
