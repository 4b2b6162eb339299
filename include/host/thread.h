/* SPDX-License-Identifier: GPL-2.0 */
/* A queue's thread, and work that a workqueue runs. */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

struct driver_queue;
struct host_thread;

/* Returned by driver_queue_work(): no timeout. */
#define HOST_FOREVER 0xffffffffu

/* By how many milliseconds a sleep may end early: see host_thread_start(). */
#define HOST_EARLY_MS 900

/*
 * host_thread_start - start a thread that serves @queue.
 *
 * The thread calls driver_queue_work(@queue) when it starts, after each wake-up, and when
 * the number of milliseconds that the last call returned has passed (HOST_FOREVER: only
 * after a wake-up).  It may call up to a 32nd part of that time earlier, at most
 * HOST_EARLY_MS.  @thread is set before the first call.  A @name that is too long for the
 * kernel is truncated.
 *
 * Context: process, may sleep.
 * Return: 0 and the thread, owned by the caller, or a negative errno.
 */
int host_thread_start(struct driver_queue *queue, const char *name, struct host_thread **thread);

/* host_thread_cost - return how many bytes of memory a thread takes.  Context: any. */
size_t host_thread_cost(void);

/*
 * host_thread_pid - the number by which the host's programs know the thread.  Context: any.
 */
uint32_t host_thread_pid(const struct host_thread *thread);

/*
 * host_thread_wake - make the thread call driver_queue_work().  If the thread is in that
 * function now, it calls the function once more, unless it clears the wake-up flag
 * before (host_thread_clear_wakeups()).
 *
 * Has no effect when the thread itself calls it: driver_queue_work() must check for work
 * that its own calls have caused before it returns.
 *
 * Context: any.
 */
void host_thread_wake(struct host_thread *thread);

/*
 * host_thread_clear_wakeups - clear the wake-up flag.  Call before checking for work.
 *
 * Context: the thread itself.
 */
void host_thread_clear_wakeups(struct host_thread *thread);

/*
 * host_thread_yield - let other threads run, and freeze when the system suspends.
 *
 * driver_queue_work() calls this between its rounds, so that a frontend that keeps the
 * thread busy for ever holds up neither other threads nor a suspend.
 *
 * Context: the thread itself, no lock held; may sleep for long.
 */
void host_thread_yield(void);

/*
 * host_thread_stop - wait for a running driver_queue_work() to return, end the thread
 * and free it.  driver_queue_work() may wait for a disk, and then this function does, too.
 *
 * Context: process, may sleep; not the thread itself, which would wait for itself.
 */
void host_thread_stop(struct host_thread *thread);

/* The type of the object that embeds the work; tells driver_work() what to run. */
enum driver_work_kind {
	DRIVER_WORK_DEVICE = 0,
	DRIVER_WORK_PURGE = 1,
};

struct host_work {
	uint64_t storage[28];
	uint32_t kind; /* enum driver_work_kind */
	uint32_t reserved;
};

/* host_work_init - initialise a work.  Call once, before its first use.  Context: any. */
void host_work_init(struct host_work *work, enum driver_work_kind kind);

/*
 * host_work_schedule - call driver_work(@work) in process context after @delay_ms
 * milliseconds.
 *
 * If the work is scheduled already, the earlier of the two times holds.  A running work
 * may be scheduled again.  A work never runs twice at the same time.
 *
 * Context: any.
 */
void host_work_schedule(struct host_work *work, uint32_t delay_ms);

/*
 * host_work_cancel - cancel the work and wait until it has ended.  Afterwards it neither
 * runs nor is scheduled.
 *
 * Context: process, may sleep for as long as the work takes; not the work itself, which
 * would wait for itself; without any lock that the work may take.
 */
void host_work_cancel(struct host_work *work);

/*
 * host_work_cancel_nosync - cancel the work without waiting.  Afterwards it is not
 * scheduled, but it may still be running.  For a work that is about to free the object
 * that embeds it.
 *
 * Context: any.
 */
void host_work_cancel_nosync(struct host_work *work);

HOST_DECLS_END
