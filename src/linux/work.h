/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

#include <linux/workqueue.h>

/* The module's workqueues.  work_init() returns 0 or -ENOMEM. */
int work_init(void);
void work_exit(void);

/* Run what submits to a disk and may wait for it.  Context: any. */
void work_submit(struct work_struct *work);
