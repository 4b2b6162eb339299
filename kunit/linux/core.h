/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What stands in for the core: the entry points of driver.h, each of which
 * counts or calls what a case says.
 */
#pragma once

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/jiffies.h>

#include "driver.h"

/* A queue is what its case wants it to be. */
struct driver_queue {
	uint32_t (*work)(struct driver_queue *queue);
	void (*event)(struct driver_queue *queue);
};

/* A work that calls its case back. */
struct test_work {
	struct host_work work;
	void (*function)(struct test_work *work);
};

struct test_calls {
	atomic_t disks_changed;
	atomic_t parameters_changed;
};

extern struct test_calls test_calls;

/* Is @condition met within some seconds?  Looks again and again, and sleeps. */
#define SOON(condition) WITHIN_MS(10000, condition)
#define WITHIN_MS(milliseconds, condition)                                                         \
	({                                                                                         \
		unsigned long within_end = jiffies + msecs_to_jiffies(milliseconds);               \
		bool within_met = (condition);                                                     \
                                                                                                   \
		while (!within_met && time_before(jiffies, within_end)) {                          \
			msleep(2);                                                                 \
			within_met = (condition);                                                  \
		}                                                                                  \
		within_met;                                                                        \
	})
