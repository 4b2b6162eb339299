// SPDX-License-Identifier: GPL-2.0
/* event.c on Xen: an event channel with both ends in this domain. */
#include <kunit/test.h>
#include <linux/interrupt.h>
#include <xen/events.h>
#include <xen/interface/event_channel.h>
#include <asm/xen/hypercall.h>

#include "core.h"
#include "fake_device.h"
#include "host/event.h"

struct fixture {
	struct driver_queue queue;
	struct host_event_channel *channel;
	atomic_t events;
	bool in_task; /* an event came in task context, not in an interrupt */
	int frontend_irq;
	atomic_t frontend_events;
	bool bound;
};

static void count_event(struct driver_queue *queue)
{
	struct fixture *f = container_of(queue, struct fixture, queue);

	f->in_task |= in_task();
	atomic_inc(&f->events);
}

static irqreturn_t frontend_interrupt(int irq, void *data)
{
	struct fixture *f = data;

	atomic_inc(&f->frontend_events);
	return IRQ_HANDLED;
}

static void fixture_free(void *argument)
{
	struct fixture *f = argument;

	if (f->bound)
		host_event_unbind(f->channel);
	if (f->frontend_irq > 0)
		unbind_from_irqhandler(f->frontend_irq, f);
}

/* Allocates the frontend's end first, as a frontend does, and then binds ours. */
static struct fixture *fixture_create(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct evtchn_alloc_unbound unbound = { .dom = DOMID_SELF };
	struct host_device *device = fake_device_create(test)->host;

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->queue.event = count_event;
	unbound.remote_dom = own_domain(test);
	KUNIT_ASSERT_EQ(test, 0, HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &unbound));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fixture_free, f));
	f->frontend_irq =
		bind_evtchn_to_irqhandler(unbound.port, frontend_interrupt, 0, "kunit-frontend", f);
	KUNIT_ASSERT_GT(test, f->frontend_irq, 0);
	KUNIT_ASSERT_EQ(test, 0, host_event_bind(device, unbound.port, &f->queue, &f->channel));
	f->bound = true;
	/* The hypervisor raises an event at the bind: one may have come before it. */
	EXPECT_SOON(test, atomic_read(&f->events) == 1);
	host_event_eoi(f->channel, 0);
	atomic_set(&f->events, 0);
	atomic_set(&f->frontend_events, 0);
	return f;
}

static void event_reaches_the_queue(struct kunit *test)
{
	struct fixture *f = fixture_create(test);

	notify_remote_via_irq(f->frontend_irq);
	EXPECT_SOON(test, atomic_read(&f->events) == 1);
	KUNIT_EXPECT_FALSE(test, f->in_task);
	host_event_eoi(f->channel, 0);
}

/* Late end of interrupt (XSA-332): a storm is one event until host_event_eoi(). */
static void channel_is_masked_until_the_end(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	int i;

	notify_remote_via_irq(f->frontend_irq);
	EXPECT_SOON(test, atomic_read(&f->events) == 1);
	for (i = 0; i < 100; i++)
		notify_remote_via_irq(f->frontend_irq);
	msleep(50);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&f->events));
	/* The events that came meanwhile are not lost. */
	host_event_eoi(f->channel, 0);
	EXPECT_SOON(test, atomic_read(&f->events) == 2);
	host_event_eoi(f->channel, 0);
	msleep(50);
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&f->events));
}

static void spurious_events_are_slowed_down_and_come(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	int i;

	for (i = 1; i <= 5; i++) {
		notify_remote_via_irq(f->frontend_irq);
		EXPECT_SOON(test, atomic_read(&f->events) == i);
		host_event_eoi(f->channel, 1);
	}
}

static void notification_reaches_the_frontend(struct kunit *test)
{
	struct fixture *f = fixture_create(test);

	host_event_notify(f->channel);
	EXPECT_SOON(test, atomic_read(&f->frontend_events) == 1);
}

static void unbound_channel_is_silent(struct kunit *test)
{
	struct fixture *f = fixture_create(test);

	host_event_unbind(f->channel);
	f->bound = false;
	notify_remote_via_irq(f->frontend_irq);
	msleep(50);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&f->events));
}

static void port_of_nobody_is_refused(struct kunit *test)
{
	struct host_device *device = fake_device_create(test)->host;
	struct host_event_channel *channel = NULL;
	struct driver_queue queue = { .event = count_event };

	KUNIT_EXPECT_LT(test, host_event_bind(device, 0xfff, &queue, &channel), 0);
	KUNIT_EXPECT_LT(test, host_event_bind(device, U32_MAX, &queue, &channel), 0);
	KUNIT_EXPECT_NULL(test, channel);
}

static struct kunit_case event_cases[] = {
	KUNIT_CASE(event_reaches_the_queue),
	KUNIT_CASE(channel_is_masked_until_the_end),
	KUNIT_CASE(spurious_events_are_slowed_down_and_come),
	KUNIT_CASE(notification_reaches_the_frontend),
	KUNIT_CASE(unbound_channel_is_silent),
	KUNIT_CASE(port_of_nobody_is_refused),
	{},
};

static struct kunit_suite event_suite = {
	.name = "xen_blkback_linux_event",
	.init = need_xen,
	.test_cases = event_cases,
};

kunit_test_suite(event_suite);
