/* SPDX-License-Identifier: GPL-2.0 */
/* The periodic check of all connected disks. */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

/*
 * host_survey_start - start to call driver_survey() about once a second on each online
 * CPU, until it returns false.  Several CPUs may call it at the same time.
 *
 * The timers wake no idle CPU: while all CPUs are idle, driver_survey() is not called.
 * A CPU that calls it already is left as it is.
 *
 * Context: process.
 */
void host_survey_start(void);

HOST_DECLS_END
