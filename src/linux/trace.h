/* SPDX-License-Identifier: GPL-2.0 */
/* The driver's tracepoints: /sys/kernel/tracing/events/xen_blkback. */
#ifndef BLKBACK_TRACE_SYSTEM
#define BLKBACK_TRACE_SYSTEM xen_blkback
#endif
#undef TRACE_SYSTEM
#define TRACE_SYSTEM BLKBACK_TRACE_SYSTEM

#if !defined(BLKBACK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define BLKBACK_TRACE_H

#include <linux/tracepoint.h>

#include "host/trace.h"

/* clang-format off */

#ifndef BLKBACK_TRACE_ONCE
#define BLKBACK_TRACE_ONCE
/*
 * Called when the first listener of an event comes and when its last one has gone: the
 * core, which cannot use the kernel's static keys, tests host_trace_on.
 */
#define BLKBACK_TRACE_SWITCH(name)								\
	int blkback_trace_##name##_on(void);							\
	void blkback_trace_##name##_off(void);
BLKBACK_TRACE_SWITCH(taken)
BLKBACK_TRACE_SWITCH(submitted)
BLKBACK_TRACE_SWITCH(done)
BLKBACK_TRACE_SWITCH(grants)
BLKBACK_TRACE_SWITCH(stall)

#define blkback_trace_operation(operation)							\
	__print_symbolic(operation, { 0, "read" }, { 1, "write" }, { 2, "barrier" },		\
			 { 3, "flush" }, { 5, "discard" })
#define blkback_trace_reason(reason)								\
	__print_symbolic(reason, { 0, "slots" }, { 1, "pages" }, { 2, "handles" },		\
			 { 3, "barrier" })
#define blkback_trace_state(state)								\
	__print_symbolic(state, { 0, "Unknown" }, { 1, "Initialising" }, { 2, "InitWait" },	\
			 { 3, "Initialised" }, { 4, "Connected" }, { 5, "Closing" },		\
			 { 6, "Closed" }, { 7, "Reconfiguring" }, { 8, "Reconfigured" })
#endif

DECLARE_EVENT_CLASS(blkback_request,
	TP_PROTO(const struct host_trace_request *request),
	TP_ARGS(request),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, sector)
		__field(u64, bytes)
		__field(u32, vdev)
		__field(u16, domid)
		__field(u16, queue)
		__field(u16, segments)
		__field(u8, operation)
	),
	TP_fast_assign(
		__entry->id = request->id;
		__entry->sector = request->sector;
		__entry->bytes = request->bytes;
		__entry->vdev = request->ring.vdev;
		__entry->domid = request->ring.domid;
		__entry->queue = request->ring.queue;
		__entry->segments = request->segments;
		__entry->operation = request->operation;
	),
	TP_printk("domid=%u vdev=%u queue=%u id=%llu %s sector=%llu bytes=%llu segments=%u",
		  __entry->domid, __entry->vdev, __entry->queue, __entry->id,
		  blkback_trace_operation(__entry->operation), __entry->sector, __entry->bytes,
		  __entry->segments)
);

DEFINE_EVENT_FN(blkback_request, blkback_request_taken,
	TP_PROTO(const struct host_trace_request *request),
	TP_ARGS(request),
	blkback_trace_taken_on, blkback_trace_taken_off
);

DEFINE_EVENT_FN(blkback_request, blkback_request_submitted,
	TP_PROTO(const struct host_trace_request *request),
	TP_ARGS(request),
	blkback_trace_submitted_on, blkback_trace_submitted_off
);

TRACE_EVENT_FN(blkback_request_done,
	TP_PROTO(const struct host_trace_request *request),
	TP_ARGS(request),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, sector)
		__field(u64, bytes)
		__field(u64, total_ns)
		__field(u64, disk_ns)
		__field(u32, vdev)
		__field(u16, domid)
		__field(u16, queue)
		__field(u16, segments)
		__field(s16, status)
		__field(u8, operation)
	),
	TP_fast_assign(
		__entry->id = request->id;
		__entry->sector = request->sector;
		__entry->bytes = request->bytes;
		__entry->total_ns = request->total_ns;
		__entry->disk_ns = request->disk_ns;
		__entry->vdev = request->ring.vdev;
		__entry->domid = request->ring.domid;
		__entry->queue = request->ring.queue;
		__entry->segments = request->segments;
		__entry->status = request->status;
		__entry->operation = request->operation;
	),
	TP_printk("domid=%u vdev=%u queue=%u id=%llu %s sector=%llu bytes=%llu segments=%u status=%d total_ns=%llu disk_ns=%llu",
		  __entry->domid, __entry->vdev, __entry->queue, __entry->id,
		  blkback_trace_operation(__entry->operation), __entry->sector, __entry->bytes,
		  __entry->segments, __entry->status, __entry->total_ns, __entry->disk_ns),
	blkback_trace_done_on, blkback_trace_done_off
);

TRACE_EVENT_FN(blkback_grants,
	TP_PROTO(const struct host_trace_ring *ring, u32 mapped, u32 unmapped, u32 copied,
		 u32 free_pages),
	TP_ARGS(ring, mapped, unmapped, copied, free_pages),
	TP_STRUCT__entry(
		__field(u32, vdev)
		__field(u16, domid)
		__field(u16, queue)
		__field(u32, mapped)
		__field(u32, unmapped)
		__field(u32, copied)
		__field(u32, free_pages)
	),
	TP_fast_assign(
		__entry->vdev = ring->vdev;
		__entry->domid = ring->domid;
		__entry->queue = ring->queue;
		__entry->mapped = mapped;
		__entry->unmapped = unmapped;
		__entry->copied = copied;
		__entry->free_pages = free_pages;
	),
	TP_printk("domid=%u vdev=%u queue=%u mapped=%u unmapped=%u copied=%u free_pages=%u",
		  __entry->domid, __entry->vdev, __entry->queue, __entry->mapped,
		  __entry->unmapped, __entry->copied, __entry->free_pages),
	blkback_trace_grants_on, blkback_trace_grants_off
);

TRACE_EVENT_FN(blkback_stall,
	TP_PROTO(const struct host_trace_ring *ring, u32 reason, u32 requests),
	TP_ARGS(ring, reason, requests),
	TP_STRUCT__entry(
		__field(u32, vdev)
		__field(u16, domid)
		__field(u16, queue)
		__field(u32, reason)
		__field(u32, requests)
	),
	TP_fast_assign(
		__entry->vdev = ring->vdev;
		__entry->domid = ring->domid;
		__entry->queue = ring->queue;
		__entry->reason = reason;
		__entry->requests = requests;
	),
	TP_printk("domid=%u vdev=%u queue=%u reason=%s requests=%u",
		  __entry->domid, __entry->vdev, __entry->queue,
		  blkback_trace_reason(__entry->reason), __entry->requests),
	blkback_trace_stall_on, blkback_trace_stall_off
);

/* The C side alone calls this one. */
TRACE_EVENT(blkback_state,
	TP_PROTO(u16 domid, u32 vdev, bool frontend, u32 state),
	TP_ARGS(domid, vdev, frontend, state),
	TP_STRUCT__entry(
		__field(u32, vdev)
		__field(u32, state)
		__field(u16, domid)
		__field(bool, frontend)
	),
	TP_fast_assign(
		__entry->vdev = vdev;
		__entry->state = state;
		__entry->domid = domid;
		__entry->frontend = frontend;
	),
	TP_printk("domid=%u vdev=%u %s=%s", __entry->domid, __entry->vdev,
		  __entry->frontend ? "frontend" : "backend",
		  blkback_trace_state(__entry->state))
);

/* clang-format on */

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
