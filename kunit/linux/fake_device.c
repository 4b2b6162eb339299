// SPDX-License-Identifier: GPL-2.0
#include <linux/device.h>
#include <linux/slab.h>
#include <xen/xen.h>
#include <xen/xenbus.h>

#include "fake_device.h"

#define DIRECTORY "data/kunit"

static void fake_free(struct device *dev)
{
	struct fake_device *fake = container_of(dev, struct fake_device, xenbus.dev);

	if (fake->freed)
		*fake->freed = true;
	kfree(fake);
}

static void fake_put(void *argument)
{
	struct fake_device *fake = argument;

	if (fake->host)
		host_device_put(fake->host);
	put_device(&fake->xenbus.dev);
}

struct fake_device *fake_device_create(struct kunit *test)
{
	struct fake_device *fake = kzalloc(sizeof(*fake), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fake);
	device_initialize(&fake->xenbus.dev);
	fake->xenbus.dev.release = fake_free;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fake_put, fake));
	KUNIT_ASSERT_EQ(test, 0, dev_set_name(&fake->xenbus.dev, "vbd-kunit"));
	fake->xenbus.devicetype = "vbd";
	fake->xenbus.nodename = DIRECTORY "/backend";
	fake->xenbus.otherend = DIRECTORY "/frontend";
	fake->xenbus.otherend_id = xen_domain() ? own_domain(test) : 5;
	fake->host = host_device_create(&fake->xenbus);
	KUNIT_ASSERT_NOT_NULL(test, fake->host);
	return fake;
}

void fake_device_put(struct kunit *test, struct fake_device *fake)
{
	kunit_release_action(test, fake_put, fake);
}

int need_xen(struct kunit *test)
{
	if (!xen_domain())
		kunit_skip(test, "not on Xen");
	return 0;
}

u16 own_domain(struct kunit *test)
{
	unsigned int domid = 0;

	if (!xen_initial_domain())
		KUNIT_ASSERT_EQ(test, 1, xenbus_scanf(XBT_NIL, "domid", "", "%u", &domid));
	return domid;
}
