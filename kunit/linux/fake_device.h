/* SPDX-License-Identifier: GPL-2.0 */
/* A xenbus device that is on no bus, and its host_device. */
#pragma once

#include <kunit/test.h>

#include "device.h"

struct fake_device {
	struct xenbus_device xenbus;
	struct host_device *host;
	bool *freed; /* set when the last reference goes; may be NULL */
};

/* The references to the fake device and to its host_device are put when the case ends. */
struct fake_device *fake_device_create(struct kunit *test);
/* Puts these references now. */
void fake_device_put(struct kunit *test, struct fake_device *fake);

/* The init function of suites that need Xen: skips their cases elsewhere. */
int need_xen(struct kunit *test);
/* Return: the number of the domain that we run in. */
u16 own_domain(struct kunit *test);
