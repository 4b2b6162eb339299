/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

#include <linux/workqueue.h>

/* The module's workqueue.  work_init() returns 0 or -ENOMEM. */
int work_init(void);
void work_exit(void);

/* Queue work of the C side, which must end before work_exit().  Context: any. */
void work_start(struct work_struct *work);
