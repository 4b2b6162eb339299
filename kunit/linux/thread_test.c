// SPDX-License-Identifier: GPL-2.0
/* thread.c: a queue's thread. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/jiffies.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/timer.h>

#include "core.h"

struct fixture {
	struct driver_queue queue;
	struct host_thread *thread;
	atomic_t passes;
	u32 answer;		/* what each pass returns */
	unsigned long began;	/* start of the last pass, in jiffies */
	unsigned long shortest; /* fewest jiffies between two passes */
	unsigned int flags;	/* of the thread's task */
	pid_t pid;
	char name[TASK_COMM_LEN];
	struct completion inside;
	struct completion go_on;
	struct completion cleared;
	int produced;
	int seen;
};

static struct fixture *fixture_of(struct driver_queue *queue)
{
	return container_of(queue, struct fixture, queue);
}

static u32 count_pass(struct driver_queue *queue)
{
	struct fixture *f = fixture_of(queue);
	unsigned long now = jiffies;

	if (atomic_read(&f->passes) > 0)
		f->shortest = min(f->shortest, now - f->began);
	f->began = now;
	f->flags = current->flags;
	f->pid = task_pid_nr(current);
	get_task_comm(f->name, current);
	atomic_inc(&f->passes);
	return READ_ONCE(f->answer);
}

static struct fixture *fixture_create(struct kunit *test, u32 (*work)(struct driver_queue *queue),
				      u32 answer)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->queue.work = work;
	f->answer = answer;
	f->shortest = ULONG_MAX;
	init_completion(&f->inside);
	init_completion(&f->go_on);
	init_completion(&f->cleared);
	return f;
}

static void start(struct kunit *test, struct fixture *f, const char *name)
{
	KUNIT_ASSERT_EQ(test, 0, host_thread_start(&f->queue, name, &f->thread));
	KUNIT_ASSERT_NOT_NULL(test, f->thread);
}

static void first_pass_needs_no_wake_up(struct kunit *test)
{
	struct fixture *f = fixture_create(test, count_pass, HOST_FOREVER);

	start(test, f, "kunit");
	EXPECT_SOON(test, atomic_read(&f->passes) == 1);
	host_thread_stop(f->thread);
}

static void pid_is_that_of_the_thread(struct kunit *test)
{
	struct fixture *f = fixture_create(test, count_pass, HOST_FOREVER);

	start(test, f, "kunit");
	EXPECT_SOON(test, atomic_read(&f->passes) == 1);
	KUNIT_EXPECT_EQ(test, f->pid, (pid_t)host_thread_pid(f->thread));
	host_thread_stop(f->thread);
}

static void sleeps_until_woken(struct kunit *test)
{
	struct fixture *f = fixture_create(test, count_pass, HOST_FOREVER);

	start(test, f, "kunit");
	EXPECT_SOON(test, atomic_read(&f->passes) == 1);
	msleep(300);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&f->passes));
	host_thread_wake(f->thread);
	EXPECT_SOON(test, atomic_read(&f->passes) == 2);
	msleep(100);
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&f->passes));
	host_thread_stop(f->thread);
}

static void passes_again_when_its_time_is_over(struct kunit *test)
{
	struct fixture *f = fixture_create(test, count_pass, 60);

	start(test, f, "kunit");
	EXPECT_SOON(test, atomic_read(&f->passes) >= 5);
	host_thread_stop(f->thread);
	/* In jiffies, the clock of the timers, which may be late by a tick or two. */
	KUNIT_EXPECT_GE(test, f->shortest, msecs_to_jiffies(60));
}

static void wake_up_ends_a_timed_sleep(struct kunit *test)
{
	struct fixture *f = fixture_create(test, count_pass, 1000000);

	start(test, f, "kunit");
	EXPECT_SOON(test, atomic_read(&f->passes) == 1);
	host_thread_wake(f->thread);
	EXPECT_SOON(test, atomic_read(&f->passes) == 2);
	host_thread_stop(f->thread);
}

static u32 pass_ten_times(struct driver_queue *queue)
{
	struct fixture *f = fixture_of(queue);

	return atomic_inc_return(&f->passes) < 10 ? 0 : HOST_FOREVER;
}

static void passes_on_at_once_when_told_no_time(struct kunit *test)
{
	struct fixture *f = fixture_create(test, pass_ten_times, 0);

	start(test, f, "kunit");
	EXPECT_SOON(test, atomic_read(&f->passes) == 10);
	msleep(50);
	KUNIT_EXPECT_EQ(test, 10, atomic_read(&f->passes));
	host_thread_stop(f->thread);
}

static u32 wake_oneself(struct driver_queue *queue)
{
	struct fixture *f = fixture_of(queue);

	host_thread_wake(f->thread);
	atomic_inc(&f->passes);
	return HOST_FOREVER;
}

static void own_wake_up_does_nothing(struct kunit *test)
{
	struct fixture *f = fixture_create(test, wake_oneself, 0);

	start(test, f, "kunit");
	EXPECT_SOON(test, atomic_read(&f->passes) == 1);
	msleep(100);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&f->passes));
	host_thread_stop(f->thread);
}

static u32 wait_inside(struct driver_queue *queue)
{
	struct fixture *f = fixture_of(queue);

	if (atomic_inc_return(&f->passes) == 1) {
		complete(&f->inside);
		wait_for_completion(&f->go_on);
		if (f->answer)
			host_thread_clear_wakeups(f->thread);
		complete(&f->cleared);
	}
	return HOST_FOREVER;
}

static void wake_up_within_a_pass_makes_another(struct kunit *test)
{
	struct fixture *f = fixture_create(test, wait_inside, 0);

	start(test, f, "kunit");
	wait_for_completion(&f->inside);
	host_thread_wake(f->thread);
	host_thread_wake(f->thread);
	complete(&f->go_on);
	EXPECT_SOON(test, atomic_read(&f->passes) == 2);
	msleep(50);
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&f->passes));
	host_thread_stop(f->thread);
}

static void cleared_wake_up_makes_no_pass(struct kunit *test)
{
	struct fixture *f = fixture_create(test, wait_inside, 1);

	start(test, f, "kunit");
	wait_for_completion(&f->inside);
	host_thread_wake(f->thread);
	complete(&f->go_on);
	wait_for_completion(&f->cleared);
	msleep(100);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&f->passes));
	/* A wake-up after the clear makes a pass. */
	host_thread_wake(f->thread);
	EXPECT_SOON(test, atomic_read(&f->passes) == 2);
	host_thread_stop(f->thread);
}

struct waking_timer {
	struct timer_list timer;
	struct host_thread *thread;
};

static void wake_from_timer(struct timer_list *timer)
{
	struct waking_timer *waking = from_timer(waking, timer, timer);

	host_thread_wake(waking->thread);
}

static void wake_up_from_an_interrupt(struct kunit *test)
{
	struct fixture *f = fixture_create(test, count_pass, HOST_FOREVER);
	struct waking_timer waking;

	start(test, f, "kunit");
	EXPECT_SOON(test, atomic_read(&f->passes) == 1);
	waking.thread = f->thread;
	timer_setup_on_stack(&waking.timer, wake_from_timer, 0);
	mod_timer(&waking.timer, jiffies + 2);
	EXPECT_SOON(test, atomic_read(&f->passes) == 2);
	timer_delete_sync(&waking.timer);
	destroy_timer_on_stack(&waking.timer);
	host_thread_stop(f->thread);
}

static int stop_thread(void *data)
{
	struct fixture *f = data;

	host_thread_stop(f->thread);
	complete(&f->inside);
	return 0;
}

static void stop_waits_for_the_pass(struct kunit *test)
{
	struct fixture *f = fixture_create(test, wait_inside, 0);
	struct task_struct *stopper;

	start(test, f, "kunit");
	wait_for_completion(&f->inside);
	stopper = kthread_run(stop_thread, f, "kunit-stopper");
	KUNIT_ASSERT_FALSE(test, IS_ERR(stopper));
	msleep(100);
	KUNIT_EXPECT_FALSE(test, completion_done(&f->inside));
	complete(&f->go_on);
	KUNIT_EXPECT_NE(test, 0ul, wait_for_completion_timeout(&f->inside, 10 * HZ));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&f->passes));
}

static void stop_right_after_start(struct kunit *test)
{
	struct fixture *f = fixture_create(test, count_pass, HOST_FOREVER);
	int i;

	for (i = 0; i < 200; i++) {
		start(test, f, "kunit");
		if (i % 2)
			host_thread_wake(f->thread);
		host_thread_stop(f->thread);
	}
	KUNIT_EXPECT_LE(test, atomic_read(&f->passes), 400);
}

static void name_is_kept_and_cut(struct kunit *test)
{
	struct fixture *f = fixture_create(test, count_pass, HOST_FOREVER);

	start(test, f, "7.xvda-3%s%n");
	EXPECT_SOON(test, atomic_read(&f->passes) == 1);
	host_thread_stop(f->thread);
	KUNIT_EXPECT_STREQ(test, "7.xvda-3%s%n", f->name);

	start(test, f, "32767.xvdaaaaaa-1023");
	EXPECT_SOON(test, atomic_read(&f->passes) == 2);
	host_thread_stop(f->thread);
	KUNIT_EXPECT_STREQ(test, "32767.xvdaaaaaa", f->name);
}

/* The queue's disk may be the one that memory reclaim writes to. */
static void allocations_start_no_io(struct kunit *test)
{
	struct fixture *f = fixture_create(test, count_pass, HOST_FOREVER);

	start(test, f, "kunit");
	EXPECT_SOON(test, atomic_read(&f->passes) == 1);
	host_thread_stop(f->thread);
	KUNIT_EXPECT_TRUE(test, f->flags & PF_MEMALLOC_NOIO);
	KUNIT_EXPECT_FALSE(test, f->flags & PF_NOFREEZE);
}

static u32 look_at_products(struct driver_queue *queue)
{
	struct fixture *f = fixture_of(queue);

	if (f->answer)
		host_thread_clear_wakeups(f->thread);
	WRITE_ONCE(f->seen, READ_ONCE(f->produced));
	return HOST_FOREVER;
}

/* A pass sees all that was written before a wake-up, whether it clears wake-ups or not. */
static void no_wake_up_is_lost(struct kunit *test)
{
	int clear, i;

	for (clear = 0; clear < 2; clear++) {
		struct fixture *f = fixture_create(test, look_at_products, clear);
		bool seen = true;

		start(test, f, "kunit");
		for (i = 1; i <= 20000 && seen; i++) {
			WRITE_ONCE(f->produced, i);
			host_thread_wake(f->thread);
			/* Now and then wait until the thread has caught up. */
			if (i % 50 == 0)
				seen = SOON(READ_ONCE(f->seen) == i);
		}
		KUNIT_EXPECT_TRUE_MSG(test, seen, "product %d was not seen", i);
		host_thread_stop(f->thread);
	}
}

static struct kunit_case thread_cases[] = {
	KUNIT_CASE(first_pass_needs_no_wake_up),
	KUNIT_CASE(pid_is_that_of_the_thread),
	KUNIT_CASE(sleeps_until_woken),
	KUNIT_CASE(passes_again_when_its_time_is_over),
	KUNIT_CASE(wake_up_ends_a_timed_sleep),
	KUNIT_CASE(passes_on_at_once_when_told_no_time),
	KUNIT_CASE(own_wake_up_does_nothing),
	KUNIT_CASE(wake_up_within_a_pass_makes_another),
	KUNIT_CASE(cleared_wake_up_makes_no_pass),
	KUNIT_CASE(wake_up_from_an_interrupt),
	KUNIT_CASE(stop_waits_for_the_pass),
	KUNIT_CASE(stop_right_after_start),
	KUNIT_CASE(name_is_kept_and_cut),
	KUNIT_CASE(allocations_start_no_io),
	KUNIT_CASE(no_wake_up_is_lost),
	{},
};

static struct kunit_suite thread_suite = {
	.name = "xen_blkback_linux_thread",
	.test_cases = thread_cases,
};

kunit_test_suite(thread_suite);
