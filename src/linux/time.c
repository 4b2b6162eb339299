// SPDX-License-Identifier: GPL-2.0
#include <linux/jiffies.h>
#include <linux/ktime.h>

#include "host/time.h"

uint64_t host_time_ms(void)
{
	return jiffies64_to_msecs(get_jiffies_64());
}

uint64_t host_time_ns(void)
{
	return ktime_get_ns();
}
