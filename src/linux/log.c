// SPDX-License-Identifier: GPL-2.0
#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>

#include "host/log.h"

static void log_line(enum host_log_level level, struct va_format *line)
{
	switch (level) {
	case HOST_LOG_ALERT:
		pr_alert("%pV\n", line);
		break;
	case HOST_LOG_ERROR:
		pr_err("%pV\n", line);
		break;
	case HOST_LOG_WARNING:
		pr_warn("%pV\n", line);
		break;
	case HOST_LOG_INFO:
		pr_info("%pV\n", line);
		break;
	}
}

void host_log(enum host_log_level level, const char *format, ...)
{
	struct va_format line = { .fmt = format };
	va_list arguments;

	va_start(arguments, format);
	line.va = &arguments;
	log_line(level, &line);
	va_end(arguments);
}

static_assert(sizeof(atomic_t) == sizeof(((struct host_log_limit *)NULL)->lines));

/*
 * May a line be logged?  If so, @suppressed is the number of lines that were suppressed
 * since the last one.
 *
 * Not a ratelimit_state: it would need a lock for each device and kind of line, and it
 * reports suppressed lines under the function's name.
 */
static bool log_passes(struct host_log_limit *limit, u32 *suppressed)
{
	u32 now = jiffies;
	u32 began = READ_ONCE(limit->began);

	if (now - began >= DEFAULT_RATELIMIT_INTERVAL &&
	    cmpxchg(&limit->began, began, now) == began)
		WRITE_ONCE(limit->lines, 0);
	/* Check before counting, so that the counter never wraps. */
	if (READ_ONCE(limit->lines) >= DEFAULT_RATELIMIT_BURST ||
	    atomic_inc_return((atomic_t *)&limit->lines) > DEFAULT_RATELIMIT_BURST) {
		atomic_inc((atomic_t *)&limit->suppressed);
		return false;
	}
	*suppressed = xchg(&limit->suppressed, 0);
	return true;
}

void host_log_limited(struct host_log_limit *limit, enum host_log_level level, const char *format,
		      ...)
{
	struct va_format line = { .fmt = format };
	va_list arguments;
	u32 suppressed;

	if (!log_passes(limit, &suppressed))
		return;
	va_start(arguments, format);
	line.va = &arguments;
	if (suppressed)
		host_log(level, "%pV (%u lines like it were suppressed)", &line, suppressed);
	else
		log_line(level, &line);
	va_end(arguments);
}

int host_format(char *text, size_t bytes, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vscnprintf(text, bytes, format, arguments);
	va_end(arguments);
	return length;
}
