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
 * host_log - one line in the kernel's log, prefixed with the driver's name.
 * host_log_limited - the same for what a guest can cause: a few lines per
 * five seconds, the rest is counted and dropped.
 *
 * @format ends without a newline.  Context: any.
 */
void host_log(enum host_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void host_log_limited(enum host_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * host_format - snprintf of the kernel: always terminated.
 * Return: the number of characters written, without the terminator.
 */
int host_format(char *text, size_t bytes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

HOST_DECLS_END
