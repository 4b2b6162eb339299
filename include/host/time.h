/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

/*
 * host_time_ms - milliseconds since a fixed moment in the past.  Never goes backwards.
 * Its resolution is the kernel's tick.  Context: any.
 */
uint64_t host_time_ms(void);

/*
 * host_time_ns - nanoseconds since a fixed moment in the past, from the kernel's best clock.
 * Never goes backwards.  Context: any.
 */
uint64_t host_time_ns(void);

HOST_DECLS_END
