/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

#include <linux/fs.h>
#include <linux/types.h>

/*
 * Call watch_thread_enter() at the start of what xenbus calls, and watch_thread_leave() with
 * what it returned at the end.  @what: a literal that says what was called.  Both do nothing
 * in another thread, such as that of an administrator who binds a device.
 */
u64 watch_thread_enter(void);
void watch_thread_leave(u64 entered_ns, const char *what);

/* debugfs xen-blkback/watch_thread. */
extern const struct file_operations watch_thread_operations;
