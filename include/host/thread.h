/* SPDX-License-Identifier: GPL-2.0 */
/* A queue's thread, and work that runs in a worker. */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

struct driver_queue;
struct host_thread;

#define HOST_FOREVER 0xffffffffu

/*
 * host_thread_start - start a thread that serves @queue.
 *
 * The thread calls driver_queue_work(@queue) once after each wake-up and when
 * the number of milliseconds that the last call returned has passed
 * (HOST_FOREVER: only when woken).  @name is cut to what the kernel allows.
 *
 * Context: process, may sleep.
 * Return: 0 and the thread, owned by the caller, or a negative errno.
 */
int host_thread_start(struct driver_queue *queue, const char *name, struct host_thread **thread);

/*
 * host_thread_wake - let the thread make a pass, or another one after that
 * which it makes now.  A wake-up by the thread itself does nothing: it is
 * awake, and looks at what it has done itself before it sleeps.
 *
 * Context: any.
 */
void host_thread_wake(struct host_thread *thread);

/*
 * host_thread_clear_wakeups - clear the wake-up flag.  Call before checking for work.
 * Context: the thread itself.
 */
void host_thread_clear_wakeups(struct host_thread *thread);

/*
 * host_thread_yield - let others run for a moment, and be frozen with the other
 * threads when the system is about to sleep.
 *
 * driver_queue_work() calls this between its rounds, so that a frontend that
 * keeps it busy for ever holds up neither others nor a suspend.
 *
 * Context: the thread itself, no lock held; may sleep for long.
 */
void host_thread_yield(void);

/*
 * host_thread_stop - wait for a running driver_queue_work() to return, end
 * the thread and free it.  That may take as long as a disk takes: see driver.h.
 *
 * Context: process, may sleep; not the thread itself, which would wait for itself.
 */
void host_thread_stop(struct host_thread *thread);

/* What driver_work() is to do with the object that embeds the work. */
enum driver_work_kind {
	DRIVER_WORK_DEVICE = 0,
	DRIVER_WORK_PURGE = 1,
};

struct host_work {
	uint64_t storage[28];
	uint32_t kind; /* enum driver_work_kind */
	uint32_t reserved;
};

void host_work_init(struct host_work *work, enum driver_work_kind kind);

/*
 * host_work_schedule - call driver_work(@work) in process context, @delay_ms
 * milliseconds from now.  Scheduled already: the earlier time holds.  While it
 * runs it may be scheduled again; it never runs twice at the same time.
 *
 * Context: any.
 */
void host_work_schedule(struct host_work *work, uint32_t delay_ms);

/*
 * host_work_cancel - after this the work neither runs nor is scheduled.
 * Context: process, may sleep, for as long as the work takes; not from the work
 * itself, which would wait for itself, nor with a lock that the work may want.
 */
void host_work_cancel(struct host_work *work);

/*
 * host_work_cancel_nosync - after this the work is not scheduled; one that runs goes
 * on.  For a work that is about to free the object that embeds it.
 * Context: any.
 */
void host_work_cancel_nosync(struct host_work *work);

HOST_DECLS_END
