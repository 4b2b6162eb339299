/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

enum host_log_level {
	HOST_LOG_ALERT = 1,
	HOST_LOG_ERROR = 3,
	HOST_LOG_WARNING = 4,
	HOST_LOG_INFO = 6,
};

/*
 * A rate limit for one kind of log line of one device.  The core embeds it, zeroed;
 * only the host uses its members.  Several threads may use it at once.
 */
struct host_log_limit {
	uint32_t began;	     /* when the current interval began */
	uint32_t lines;	     /* requested since then; not counted above the limit */
	uint32_t suppressed; /* not logged since the last line that was */
};

/*
 * host_log - write one line to the kernel's log, prefixed with the driver's name.
 * host_log_limited - the same for lines that a guest can cause: at most ten lines per
 * five seconds for each @limit.  Further lines are counted, and the next logged line
 * says how many were suppressed.
 *
 * @format ends without a newline.
 *
 * Context: any.
 */
void host_log(enum host_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void host_log_limited(struct host_log_limit *limit, enum host_log_level level, const char *format,
		      ...) __attribute__((format(printf, 3, 4)));

/*
 * host_format - the kernel's scnprintf(): @text is always terminated.
 *
 * Context: any.
 * Return: the number of characters written, without the terminator.
 */
int host_format(char *text, size_t bytes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

HOST_DECLS_END
