/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tracepoints of the core's events.  Documentation/ABI/testing/tracepoints-xen-blkback
 * describes them.
 */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

enum host_trace_event {
	HOST_TRACE_TAKEN = 0,	  /* a request was taken from the ring */
	HOST_TRACE_SUBMITTED = 1, /* an I/O goes to the disk */
	HOST_TRACE_DONE = 2,	  /* a request is answered */
	HOST_TRACE_GRANTS = 3,	  /* a hypercall has mapped, unmapped or copied grants */
	HOST_TRACE_STALL = 4,	  /* requests begin to wait */
	HOST_TRACE_EVENTS = 5,
};

/*
 * host_trace_on - not 0 while somebody listens to the event.
 *
 * The core calls the event's function only then: an event that is off costs one load and
 * a branch that is not taken.  Read it with a relaxed atomic load.
 */
extern uint8_t host_trace_on[HOST_TRACE_EVENTS];

/* Which ring: the frontend's domain, the number of its virtual disk, the queue's index. */
struct host_trace_ring {
	uint32_t vdev;
	uint16_t domid;
	uint16_t queue;
};

struct host_trace_request {
	struct host_trace_ring ring;
	uint64_t id; /* the frontend's number of the request */
	uint64_t sector;
	uint64_t bytes;
	uint64_t total_ns; /* done: from the ring to the answer */
	uint64_t disk_ns;  /* done: with the disk; 0: the disk did not get it */
	uint16_t segments;
	uint8_t operation; /* BLKIF_OP_*; not BLKIF_OP_INDIRECT */
	uint8_t reserved;
	int16_t status; /* done: BLKIF_RSP_* */
	uint16_t reserved2;
};

enum host_trace_stall_reason {
	HOST_TRACE_NO_SLOTS = 0,   /* the frontend has more requests than the ring has slots */
	HOST_TRACE_NO_PAGES = 1,   /* pages, buffers or memory */
	HOST_TRACE_NO_HANDLES = 2, /* Xen's handles for mappings */
	HOST_TRACE_BARRIER = 3,	   /* a barrier, or writes behind one */
};

/*
 * host_trace_taken, host_trace_submitted, host_trace_done - the stations of a request.
 * host_trace_grants - one hypercall has mapped, unmapped and copied this many grants; the
 * pool has @free_pages pages now.
 * host_trace_stall - @requests requests begin to wait.
 *
 * Context: any.
 */
void host_trace_taken(const struct host_trace_request *request);
void host_trace_submitted(const struct host_trace_request *request);
void host_trace_done(const struct host_trace_request *request);
void host_trace_grants(const struct host_trace_ring *ring, uint32_t mapped, uint32_t unmapped,
		       uint32_t copied, uint32_t free_pages);
void host_trace_stall(const struct host_trace_ring *ring, enum host_trace_stall_reason reason,
		      uint32_t requests);

HOST_DECLS_END
