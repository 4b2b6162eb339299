/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

/*
 * host_time_ms - milliseconds since some moment in the past, never going
 * backwards, as coarse as the kernel's tick.  Context: any.
 */
uint64_t host_time_ms(void);

HOST_DECLS_END
