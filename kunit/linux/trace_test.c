// SPDX-License-Identifier: GPL-2.0
/* trace.c: host_trace_on follows the listeners, and an event reaches them. */
#include <kunit/test.h>

#include "core.h"
#include "trace.h"

static void note_taken(void *data, const struct host_trace_request *request)
{
	struct host_trace_request *last = data;

	*last = *request;
}

static void note_stall(void *data, const struct host_trace_ring *ring, u32 reason, u32 requests)
{
	atomic_add(requests, data);
}

static void an_event_is_on_while_somebody_listens(struct kunit *test)
{
	struct host_trace_request last = {};
	const struct host_trace_request request = {
		.ring = { .vdev = 51712, .domid = 7, .queue = 1 },
		.id = 5,
		.sector = 40,
	};

	KUNIT_EXPECT_EQ(test, 0, host_trace_on[HOST_TRACE_TAKEN]);
	host_trace_taken(&request);
	KUNIT_EXPECT_EQ(test, 0, last.id);
	KUNIT_ASSERT_EQ(test, 0, register_trace_blkback_request_taken(note_taken, &last));
	KUNIT_EXPECT_EQ(test, 1, host_trace_on[HOST_TRACE_TAKEN]);
	KUNIT_EXPECT_EQ(test, 0, host_trace_on[HOST_TRACE_DONE]);
	host_trace_taken(&request);
	unregister_trace_blkback_request_taken(note_taken, &last);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, 0, host_trace_on[HOST_TRACE_TAKEN]);
	KUNIT_EXPECT_EQ(test, 5, last.id);
	KUNIT_EXPECT_EQ(test, 51712, last.ring.vdev);
}

static void an_event_is_on_until_the_last_listener_goes(struct kunit *test)
{
	atomic_t one = ATOMIC_INIT(0), two = ATOMIC_INIT(0);
	const struct host_trace_ring ring = { .vdev = 51712, .domid = 7 };

	KUNIT_ASSERT_EQ(test, 0, register_trace_blkback_stall(note_stall, &one));
	KUNIT_ASSERT_EQ(test, 0, register_trace_blkback_stall(note_stall, &two));
	host_trace_stall(&ring, HOST_TRACE_BARRIER, 3);
	unregister_trace_blkback_stall(note_stall, &one);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, 1, host_trace_on[HOST_TRACE_STALL]);
	host_trace_stall(&ring, HOST_TRACE_BARRIER, 4);
	unregister_trace_blkback_stall(note_stall, &two);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, 0, host_trace_on[HOST_TRACE_STALL]);
	KUNIT_EXPECT_EQ(test, 3, atomic_read(&one));
	KUNIT_EXPECT_EQ(test, 7, atomic_read(&two));
}

static struct kunit_case trace_cases[] = {
	KUNIT_CASE(an_event_is_on_while_somebody_listens),
	KUNIT_CASE(an_event_is_on_until_the_last_listener_goes),
	{},
};

static struct kunit_suite trace_suite = {
	.name = "xen_blkback_linux_trace",
	.test_cases = trace_cases,
};

kunit_test_suite(trace_suite);
