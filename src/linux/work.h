/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

/* The module's workqueue.  work_init() returns 0 or -ENOMEM. */
int work_init(void);
void work_exit(void);

struct delayed_work;

/* Queue a work of this module after @delay jiffies of @cpu; one that waits stays. */
void work_schedule_on(int cpu, struct delayed_work *work, unsigned long delay);
