/* SPDX-License-Identifier: GPL-2.0 */
/* A xenbus device that no bus knows, and our side's view of it. */
#pragma once

#include <kunit/test.h>

#include "device.h"

struct fake_device {
	struct xenbus_device xenbus;
	struct host_device *host;
	bool *freed; /* set when the last reference goes; may be NULL */
};

/* Its reference to @host is put when the case ends. */
struct fake_device *fake_device_create(struct kunit *test);
/* The same, now. */
void fake_device_put(struct kunit *test, struct fake_device *fake);

/* For cases that need a hypervisor: skips them elsewhere. */
int need_xen(struct kunit *test);
/* The number of the domain we run in. */
u16 own_domain(struct kunit *test);
