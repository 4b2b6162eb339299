/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The stand-in for the core: the entry points of driver.h.  They count their calls,
 * call a function of the case, or do nothing.
 */
#pragma once

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/kdev_t.h>
#include <linux/jiffies.h>

#include "driver.h"
#include "driver_inspection.h"

/* A queue that calls functions of its case. */
struct driver_queue {
	uint32_t (*work)(struct driver_queue *queue);
	void (*event)(struct driver_queue *queue);
};

/* A work that calls a function of its case. */
struct test_work {
	struct host_work work;
	void (*function)(struct test_work *work);
};

struct test_calls {
	atomic_t disks_changed;
	atomic_t disk_changed;
	dev_t changed_disk; /* of the last driver_disk_changed() */
	atomic_t surveys;
	bool survey_goes_on;
	atomic_t parameters_changed;
};

extern struct test_calls test_calls;

/* Is @condition true within ten seconds?  Checks it every 20 ms.  Context: may sleep. */
#define SOON(condition)                                                                            \
	({                                                                                         \
		unsigned long soon_end = jiffies + 10 * HZ;                                        \
		while (!(condition) && time_before(jiffies, soon_end))                             \
			msleep(20);                                                                \
		(condition);                                                                       \
	})

/* A failure prints the condition as it is written. */
#define EXPECT_SOON(test, condition)                                                               \
	do {                                                                                       \
		bool soon_met = SOON(condition);                                                   \
		KUNIT_EXPECT_TRUE_MSG(test, soon_met, "never: %s", #condition);                    \
	} while (0)
