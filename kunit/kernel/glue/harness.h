/* SPDX-License-Identifier: GPL-2.0 */
/* The border between the cases' C++ and the C code that runs them under KUnit. */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

/* --- what C++ asks of the kernel ------------------------------------------ */

/*
 * harness_alloc - memory of any size; of whole pages when @alignment is one.
 * A case whose memory is not to be had fails and ends: never NULL.
 *
 * Context: process, may sleep.
 */
void *harness_alloc(size_t bytes, size_t alignment);
void harness_free(void *memory);

/* harness_fail - the running case has failed, and goes on. */
void harness_fail(const char *file, int line, const char *text);

/* harness_end - the running case has failed, and ends here: does not return. */
void harness_end(const char *why);

/* harness_say - a line in the running case's log. */
void harness_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

bool harness_failed(void);
uint64_t harness_seed(void);

/* --- what the C code calls ------------------------------------------------ */

/* harness_run_case - a fresh host, the case, and a look at what it left. */
void harness_run_case(void (*body)(void));

HOST_DECLS_END
