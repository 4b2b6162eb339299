// SPDX-License-Identifier: GPL-2.0
/* thread.c: work that runs in a worker. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "core.h"
#include "work.h"

struct fixture {
	struct test_work work;
	atomic_t runs;
	atomic_t inside;
	bool overlapped;
	unsigned long scheduled; /* in jiffies, the clock of the timers */
	unsigned long after;	 /* jiffies from the schedule to the last run */
	u32 again_ms;		 /* for run_and_schedule() */
	int rounds;
	struct completion entered;
	struct completion go_on;
	struct timer_list timer;
};

static struct fixture *fixture_of(struct test_work *work)
{
	return container_of(work, struct fixture, work);
}

static void run(struct test_work *work)
{
	struct fixture *f = fixture_of(work);

	f->after = jiffies - f->scheduled;
	atomic_inc(&f->runs);
}

static void work_cancel(void *work)
{
	host_work_cancel(work);
}

static struct fixture *fixture_create(struct kunit *test, void (*function)(struct test_work *work))
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->work.function = function;
	init_completion(&f->entered);
	init_completion(&f->go_on);
	host_work_init(&f->work.work, DRIVER_WORK_PURGE);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, work_cancel, &f->work.work));
	return f;
}

static void schedule_in(struct fixture *f, u32 delay_ms)
{
	f->scheduled = jiffies;
	host_work_schedule(&f->work.work, delay_ms);
}

static void runs_once_at_once(struct kunit *test)
{
	struct fixture *f = fixture_create(test, run);

	schedule_in(f, 0);
	EXPECT_SOON(test, atomic_read(&f->runs) == 1);
	msleep(50);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&f->runs));
	KUNIT_EXPECT_EQ(test, DRIVER_WORK_PURGE, f->work.work.kind);
}

static void runs_not_before_its_time(struct kunit *test)
{
	struct fixture *f = fixture_create(test, run);

	schedule_in(f, 150);
	EXPECT_SOON(test, atomic_read(&f->runs) == 1);
	KUNIT_EXPECT_GE(test, f->after, msecs_to_jiffies(150));
}

static void now_is_earlier_than_later(struct kunit *test)
{
	struct fixture *f = fixture_create(test, run);

	schedule_in(f, 1000000);
	schedule_in(f, 0);
	EXPECT_SOON(test, atomic_read(&f->runs) == 1);
}

static void soon_is_earlier_than_later(struct kunit *test)
{
	struct fixture *f = fixture_create(test, run);

	schedule_in(f, 1000000);
	schedule_in(f, 20);
	EXPECT_SOON(test, atomic_read(&f->runs) == 1);
}

static void later_does_not_delay_what_is_due(struct kunit *test)
{
	struct fixture *f = fixture_create(test, run);

	schedule_in(f, 20);
	host_work_schedule(&f->work.work, 1000000);
	EXPECT_SOON(test, atomic_read(&f->runs) == 1);
	msleep(50);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&f->runs));
}

static void run_and_schedule(struct test_work *work)
{
	struct fixture *f = fixture_of(work);

	if (atomic_inc_return(&f->inside) != 1)
		f->overlapped = true;
	if (atomic_inc_return(&f->runs) < f->rounds)
		host_work_schedule(&work->work, f->again_ms);
	usleep_range(200, 400);
	atomic_dec(&f->inside);
}

static void schedules_itself_and_never_overlaps(struct kunit *test)
{
	struct fixture *f = fixture_create(test, run_and_schedule);
	int i;

	f->rounds = 100;
	host_work_schedule(&f->work.work, 0);
	for (i = 0; i < 50; i++) {
		host_work_schedule(&f->work.work, 0);
		usleep_range(100, 300);
	}
	EXPECT_SOON(test, atomic_read(&f->runs) >= 100);
	host_work_cancel(&f->work.work);
	KUNIT_EXPECT_FALSE(test, f->overlapped);
}

static void schedules_itself_with_a_delay(struct kunit *test)
{
	struct fixture *f = fixture_create(test, run_and_schedule);
	unsigned long began = jiffies;

	f->rounds = 4;
	f->again_ms = 40;
	host_work_schedule(&f->work.work, 0);
	EXPECT_SOON(test, atomic_read(&f->runs) == 4);
	KUNIT_EXPECT_GE(test, jiffies - began, 3 * msecs_to_jiffies(40));
}

static void cancelled_work_does_not_run(struct kunit *test)
{
	struct fixture *f = fixture_create(test, run);

	schedule_in(f, 1000);
	host_work_cancel(&f->work.work);
	msleep(1200);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&f->runs));
	/* It may be scheduled again. */
	schedule_in(f, 0);
	EXPECT_SOON(test, atomic_read(&f->runs) == 1);
}

static void wait_inside(struct test_work *work)
{
	struct fixture *f = fixture_of(work);

	complete(&f->entered);
	wait_for_completion_timeout(&f->go_on, HZ);
	atomic_inc(&f->runs);
}

static void cancel_waits_for_a_run(struct kunit *test)
{
	struct fixture *f = fixture_create(test, wait_inside);

	schedule_in(f, 0);
	wait_for_completion(&f->entered);
	host_work_schedule(&f->work.work, 0);
	host_work_cancel(&f->work.work);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&f->runs));
	msleep(50);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&f->runs));
}

static void work_exit_waits_for_a_run(struct kunit *test)
{
	struct fixture *f = fixture_create(test, wait_inside);

	schedule_in(f, 0);
	wait_for_completion(&f->entered);
	work_exit();
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&f->runs));
	KUNIT_ASSERT_EQ(test, 0, work_init());
}

struct freed_work {
	struct test_work work;
	struct completion *freed;
};

/* The last run frees the object that embeds the work.  KASAN would report a later access. */
static void run_and_free(struct test_work *work)
{
	struct freed_work *object = container_of(work, struct freed_work, work);
	struct completion *freed = object->freed;

	host_work_cancel_nosync(&work->work);
	kfree(object);
	complete(freed);
}

static void forgotten_work_may_be_freed_by_itself(struct kunit *test)
{
	int i;

	for (i = 0; i < 50; i++) {
		DECLARE_COMPLETION_ONSTACK(freed);
		struct freed_work *object = kzalloc(sizeof(*object), GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, object);
		object->freed = &freed;
		object->work.function = run_and_free;
		host_work_init(&object->work.work, DRIVER_WORK_DEVICE);
		host_work_schedule(&object->work.work, i % 3);
		KUNIT_ASSERT_NE(test, 0ul, wait_for_completion_timeout(&freed, 10 * HZ));
	}
}

static void schedule_from_timer(struct timer_list *timer)
{
	struct fixture *f = from_timer(f, timer, timer);

	host_work_schedule(&f->work.work, f->again_ms);
}

static void scheduled_from_an_interrupt(struct kunit *test)
{
	struct fixture *f = fixture_create(test, run);

	timer_setup(&f->timer, schedule_from_timer, 0);
	mod_timer(&f->timer, jiffies + 1);
	EXPECT_SOON(test, atomic_read(&f->runs) == 1);
	f->again_ms = 10;
	mod_timer(&f->timer, jiffies + 1);
	EXPECT_SOON(test, atomic_read(&f->runs) == 2);
	timer_delete_sync(&f->timer);
}

static void wait_long(struct test_work *work)
{
	struct fixture *f = fixture_of(work);

	complete(&f->entered);
	wait_for_completion_timeout(&f->go_on, 60 * HZ);
}

/* One device waits for its disk: the work of other devices goes on. */
static void one_work_does_not_hold_up_another(struct kunit *test)
{
	struct fixture *slow = fixture_create(test, wait_long);
	struct fixture *quick = fixture_create(test, run);

	schedule_in(slow, 0);
	wait_for_completion(&slow->entered);
	schedule_in(quick, 0);
	EXPECT_SOON(test, atomic_read(&quick->runs) == 1);
	complete(&slow->go_on);
}

static int work_suite_init(struct kunit_suite *suite)
{
	return work_init();
}

static void work_suite_exit(struct kunit_suite *suite)
{
	work_exit();
}

static struct kunit_case work_cases[] = {
	KUNIT_CASE(runs_once_at_once),
	KUNIT_CASE(runs_not_before_its_time),
	KUNIT_CASE(now_is_earlier_than_later),
	KUNIT_CASE(soon_is_earlier_than_later),
	KUNIT_CASE(later_does_not_delay_what_is_due),
	KUNIT_CASE(schedules_itself_and_never_overlaps),
	KUNIT_CASE(schedules_itself_with_a_delay),
	KUNIT_CASE(cancelled_work_does_not_run),
	KUNIT_CASE(cancel_waits_for_a_run),
	KUNIT_CASE(work_exit_waits_for_a_run),
	KUNIT_CASE(forgotten_work_may_be_freed_by_itself),
	KUNIT_CASE(scheduled_from_an_interrupt),
	KUNIT_CASE(one_work_does_not_hold_up_another),
	{},
};

static struct kunit_suite work_suite = {
	.name = "xen_blkback_linux_work",
	.suite_init = work_suite_init,
	.suite_exit = work_suite_exit,
	.test_cases = work_cases,
};

kunit_test_suite(work_suite);
