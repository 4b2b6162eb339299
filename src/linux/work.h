/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

/* The module's workqueue.  work_init() returns 0 or -ENOMEM. */
int work_init(void);
void work_exit(void);
