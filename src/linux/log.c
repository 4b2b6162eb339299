// SPDX-License-Identifier: GPL-2.0
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

void host_log_limited(enum host_log_level level, const char *format, ...)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
	struct va_format line = { .fmt = format };
	va_list arguments;

	if (!__ratelimit(&limit))
		return;
	va_start(arguments, format);
	line.va = &arguments;
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
