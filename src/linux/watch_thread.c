// SPDX-License-Identifier: GPL-2.0
/*
 * For how long the driver has held the thread that calls the watches of xenstore, at most.
 * That thread serves all drivers of this domain, and all guests: while it is held, no other
 * device connects or goes away.
 */
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/uio.h>

#include "watch_thread.h"

/* Written by the watch thread, and reset by a write to the file.  To show: each alone. */
static u64 longest_ns;
static const char *longest_what;

u64 watch_thread_enter(void)
{
	return current->flags & PF_KTHREAD ? ktime_get_ns() : 0;
}

void watch_thread_leave(u64 entered_ns, const char *what)
{
	u64 held_ns;

	if (!entered_ns)
		return;
	held_ns = ktime_get_ns() - entered_ns;
	if (held_ns <= READ_ONCE(longest_ns))
		return;
	WRITE_ONCE(longest_what, what);
	WRITE_ONCE(longest_ns, held_ns);
}

static int watch_thread_show(struct seq_file *file, void *data)
{
	const char *what = READ_ONCE(longest_what);

	seq_printf(file, "longest_us: %llu\nin: %s\n",
		   div_u64(READ_ONCE(longest_ns), NSEC_PER_USEC), what ? what : "-");
	return 0;
}

static int watch_thread_open(struct inode *inode, struct file *file)
{
	return single_open(file, watch_thread_show, NULL);
}

static ssize_t watch_thread_write(struct kiocb *kiocb, struct iov_iter *from)
{
	WRITE_ONCE(longest_ns, 0);
	WRITE_ONCE(longest_what, NULL);
	return iov_iter_count(from);
}

const struct file_operations watch_thread_operations = {
	.owner = THIS_MODULE,
	.open = watch_thread_open,
	.read_iter = seq_read_iter,
	.write_iter = watch_thread_write,
	.llseek = seq_lseek,
	.release = single_release,
};
