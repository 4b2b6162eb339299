/* SPDX-License-Identifier: GPL-2.0 */
/* The interface between the C++ cases and the C code that runs them under KUnit. */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

/* --- called by C++ -------------------------------------------------------- */

/*
 * harness_alloc - memory of any size, aligned to @alignment, a page at most.
 * Never returns NULL: without memory the running case fails and ends.
 *
 * Context: process, may sleep.
 */
void *harness_alloc(size_t bytes, size_t alignment);
void harness_free(void *memory);

/* harness_fail - marks the running case as failed.  The case goes on. */
void harness_fail(const char *file, int line, const char *text);

/* harness_end - marks the running case as failed and ends it.  Does not return. */
void harness_end(const char *why);

/* harness_say - writes a line to the running case's log. */
void harness_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

bool harness_failed(void);
uint64_t harness_seed(void);

/* --- called by C ---------------------------------------------------------- */

/* harness_run_case - runs a case on a fresh host and checks it for leaks. */
void harness_run_case(void (*body)(void));

HOST_DECLS_END
