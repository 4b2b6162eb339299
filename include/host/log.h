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
 * How many lines of one kind one device may log.  The core embeds it, zeroed,
 * and several threads may use it at once; what it holds is the host's.
 */
struct host_log_limit {
	uint32_t began;	     /* when the current interval began */
	uint32_t lines;	     /* asked for since then, as far as they matter */
	uint32_t suppressed; /* not shown since the last line that was */
};

/*
 * host_log - one line in the kernel's log, prefixed with the driver's name.
 * host_log_limited - the same for what a guest can cause: ten lines per five
 * seconds and @limit.  The others are counted, and the next line that is shown
 * tells how many they were.
 *
 * @format ends without a newline.  Context: any.
 */
void host_log(enum host_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void host_log_limited(struct host_log_limit *limit, enum host_log_level level, const char *format,
		      ...) __attribute__((format(printf, 3, 4)));

/*
 * host_format - snprintf of the kernel: always terminated.
 * Return: the number of characters written, without the terminator.
 */
int host_format(char *text, size_t bytes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

HOST_DECLS_END
