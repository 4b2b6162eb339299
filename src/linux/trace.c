// SPDX-License-Identifier: GPL-2.0
/* The core's way to the tracepoints of trace.h. */
#include <linux/cache.h>
#include <linux/compiler.h>

#define CREATE_TRACE_POINTS
#include "trace.h"

uint8_t host_trace_on[HOST_TRACE_EVENTS] __read_mostly;

#define TRACE_SWITCH(name, event)                                                                  \
	int blkback_trace_##name##_on(void)                                                        \
	{                                                                                          \
		WRITE_ONCE(host_trace_on[event], 1);                                               \
		return 0;                                                                          \
	}                                                                                          \
	void blkback_trace_##name##_off(void)                                                      \
	{                                                                                          \
		WRITE_ONCE(host_trace_on[event], 0);                                               \
	}

TRACE_SWITCH(taken, HOST_TRACE_TAKEN)
TRACE_SWITCH(submitted, HOST_TRACE_SUBMITTED)
TRACE_SWITCH(done, HOST_TRACE_DONE)
TRACE_SWITCH(grants, HOST_TRACE_GRANTS)
TRACE_SWITCH(stall, HOST_TRACE_STALL)

void host_trace_taken(const struct host_trace_request *request)
{
	trace_blkback_request_taken(request);
}

void host_trace_submitted(const struct host_trace_request *request)
{
	trace_blkback_request_submitted(request);
}

void host_trace_done(const struct host_trace_request *request)
{
	trace_blkback_request_done(request);
}

void host_trace_grants(const struct host_trace_ring *ring, uint32_t mapped, uint32_t unmapped,
		       uint32_t copied, uint32_t free_pages)
{
	trace_blkback_grants(ring, mapped, unmapped, copied, free_pages);
}

void host_trace_stall(const struct host_trace_ring *ring, enum host_trace_stall_reason reason,
		      uint32_t requests)
{
	trace_blkback_stall(ring, reason, requests);
}
