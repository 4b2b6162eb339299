// SPDX-License-Identifier: GPL-2.0
#include <linux/build_bug.h>
#include <linux/freezer.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "driver.h"
#include "host/memory.h"
#include "host/thread.h"

#include "work.h"

/*
 * The thread's sleep costs as little as possible: each request of a frontend without
 * depth ends one.  So there is no wait queue, and a timer of a long sleep goes on when
 * the thread is woken before, in case that the next sleep ends at about the same time.
 */
struct host_thread {
	struct task_struct *task;
	struct driver_queue *queue;
	struct timer_list timer;
	unsigned long flags;
};

enum { THREAD_WOKEN };

static bool thread_should_run(struct host_thread *thread)
{
	return test_and_clear_bit(THREAD_WOKEN, &thread->flags) || kthread_should_stop();
}

static void thread_timer(struct timer_list *timer)
{
	host_thread_wake(container_of(timer, struct host_thread, timer));
}

/* Does the timer expire in @timeout jiffies, or as early as host_thread_start() allows? */
static bool thread_timer_fits(const struct timer_list *timer, unsigned long timeout)
{
	unsigned long early = min(timeout / 32, msecs_to_jiffies(HOST_EARLY_MS));
	unsigned long expires = jiffies + timeout;

	return timer_pending(timer) && time_in_range(timer->expires, expires - early, expires);
}

static void thread_set_timer(struct host_thread *thread, uint32_t timeout_ms)
{
	unsigned long timeout;

	if (timeout_ms == HOST_FOREVER) {
		if (timer_pending(&thread->timer))
			timer_delete(&thread->timer);
		return;
	}
	timeout = msecs_to_jiffies(timeout_ms);
	if (!thread_timer_fits(&thread->timer, timeout))
		mod_timer(&thread->timer, jiffies + timeout);
}

/*
 * Sleeps until the thread is woken or shall stop.  The sleep is interruptible so that the
 * thread can be frozen.  No signal reaches a kernel thread.
 */
static void thread_sleep(struct host_thread *thread)
{
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE | TASK_FREEZABLE);
		if (thread_should_run(thread))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

static int thread_main(void *data)
{
	struct host_thread *thread = data;
	unsigned int no_io = memalloc_noio_save();
	uint32_t timeout_ms = 0;

	set_freezable();
	while (!kthread_should_stop()) {
		if (timeout_ms) {
			thread_set_timer(thread, timeout_ms);
			thread_sleep(thread);
		}
		try_to_freeze();
		if (kthread_should_stop())
			break;
		timeout_ms = driver_queue_work(thread->queue);
	}
	/* Here, and not where it is freed: the timer wakes this task, which is about to end. */
	timer_delete_sync(&thread->timer);
	memalloc_noio_restore(no_io);
	return 0;
}

int host_thread_start(struct driver_queue *queue, const char *name, struct host_thread **thread)
{
	struct host_thread *created;
	struct task_struct *task;

	created = kzalloc(sizeof(*created), GFP_KERNEL);
	if (!created)
		return -ENOMEM;
	created->queue = queue;
	timer_setup(&created->timer, thread_timer, 0);

	task = kthread_create(thread_main, created, "%s", name);
	if (IS_ERR(task)) {
		kfree(created);
		return PTR_ERR(task);
	}
	created->task = task;
	/* Set the handle first: the first pass may already use it to wake the thread. */
	*thread = created;
	wake_up_process(task);
	return 0;
}

size_t host_thread_cost(void)
{
	return THREAD_SIZE + sizeof(struct task_struct) +
	       host_memory_cost(sizeof(struct host_thread));
}

uint32_t host_thread_pid(const struct host_thread *thread)
{
	return task_pid_nr(thread->task);
}

void host_thread_wake(struct host_thread *thread)
{
	/* The thread wakes itself: an I/O has completed within its own submission. */
	if (in_task() && current == thread->task)
		return;
	if (!test_and_set_bit(THREAD_WOKEN, &thread->flags))
		wake_up_process(thread->task);
}

void host_thread_clear_wakeups(struct host_thread *thread)
{
	clear_bit(THREAD_WOKEN, &thread->flags);
	/* Pairs with the barrier of test_and_set_bit() in host_thread_wake(). */
	smp_mb__after_atomic();
}

void host_thread_yield(void)
{
	cond_resched();
	try_to_freeze();
}

void host_thread_stop(struct host_thread *thread)
{
	kthread_stop(thread->task);
	kfree(thread);
}

/* Work */

static_assert(sizeof(struct delayed_work) <= sizeof(((struct host_work *)NULL)->storage));
static_assert(__alignof__(struct delayed_work) <= __alignof__(struct host_work));
static_assert(offsetof(struct host_work, storage) == 0);

static struct workqueue_struct *work_queue;

static struct delayed_work *work_kernel(struct host_work *work)
{
	return (struct delayed_work *)work->storage;
}

static void work_function(struct work_struct *work)
{
	driver_work((struct host_work *)to_delayed_work(work));
}

void host_work_init(struct host_work *work, enum driver_work_kind kind)
{
	/*
	 * Each INIT_DELAYED_WORK() has its own lockdep class.  The two kinds need
	 * two classes: a device's work cancels its purgers' work and waits for it.
	 * With one class lockdep would report a work that waits for itself.
	 */
	if (kind == DRIVER_WORK_DEVICE)
		INIT_DELAYED_WORK(work_kernel(work), work_function);
	else
		INIT_DELAYED_WORK(work_kernel(work), work_function);
	work->kind = kind;
}

/*
 * Does the work wait for a timer that expires later than in @delay jiffies?
 * No pending timer: the work is due already or not scheduled, and `expires` is stale.
 */
static bool work_is_later(const struct delayed_work *work, unsigned long delay)
{
	return timer_pending(&work->timer) && time_before(jiffies + delay, work->timer.expires);
}

void host_work_schedule(struct host_work *work, uint32_t delay_ms)
{
	/* The earliest time of several calls holds: serialise the check and the change. */
	static DEFINE_SPINLOCK(schedule_lock);
	struct delayed_work *delayed = work_kernel(work);
	unsigned long delay = msecs_to_jiffies(delay_ms);
	unsigned long flags;

	spin_lock_irqsave(&schedule_lock, flags);
	if (!delay || work_is_later(delayed, delay))
		mod_delayed_work(work_queue, delayed, delay);
	else
		queue_delayed_work(work_queue, delayed, delay);
	spin_unlock_irqrestore(&schedule_lock, flags);
}

void host_work_cancel(struct host_work *work)
{
	cancel_delayed_work_sync(work_kernel(work));
}

void host_work_cancel_nosync(struct host_work *work)
{
	cancel_delayed_work(work_kernel(work));
}

/*
 * Unbound: the work of one device may wait long for its disk and must not delay the
 * work of another device.  destroy_workqueue() waits for functions that still run, so
 * the module's code outlives them.
 */
int work_init(void)
{
	work_queue = alloc_workqueue("xen-blkback", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return work_queue ? 0 : -ENOMEM;
}

void work_exit(void)
{
	destroy_workqueue(work_queue);
}
