/* SPDX-License-Identifier: GPL-2.0 */
/* A look at all connected disks from time to time. */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

/*
 * host_survey_start - call driver_survey() from now on about once a second, as
 * long as it returns true.  No idle CPU is woken up for that: while all of them
 * are idle it is not called.  It may be called on several CPUs at a time.
 * Started already: nothing happens.
 *
 * Context: process.
 */
void host_survey_start(void);

HOST_DECLS_END
