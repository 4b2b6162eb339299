// SPDX-License-Identifier: GPL-2.0
/* disk_events.c receives the uevents that the kernel sends to user space. */
#include <kunit/test.h>

#include "core.h"
#include "disk.h"
#include "disk_events.h"

static int calls(void)
{
	return atomic_read(&test_calls.disk_changed) + atomic_read(&test_calls.disks_changed);
}

/* Events are handled by a work.  After this sleep none is left. */
static void settle(void)
{
	msleep(100);
}

static void listen(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, disk_events_init());
}

static void resize_is_heard(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, NULL);
	int before;

	listen(test);
	before = calls();
	set_capacity_and_notify(disk->gendisk, TEST_DISK_SECTORS / 2);
	EXPECT_SOON(test, calls() > before);
	disk_events_exit();
}

static void removal_is_heard(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, NULL);
	int before;

	listen(test);
	before = calls();
	test_disk_remove(disk);
	EXPECT_SOON(test, calls() > before);
	disk_events_exit();
}

/* The core is told of the event's disk, not of all disks. */
static void event_names_its_disk(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, NULL);
	struct test_disk *other = test_disk_create(test, NULL);
	int all;

	listen(test);
	all = atomic_read(&test_calls.disks_changed);
	set_capacity_and_notify(disk->gendisk, TEST_DISK_SECTORS / 2);
	EXPECT_SOON(test, READ_ONCE(test_calls.changed_disk) == disk_devt(disk->gendisk));
	set_capacity_and_notify(other->gendisk, TEST_DISK_SECTORS / 2);
	EXPECT_SOON(test, READ_ONCE(test_calls.changed_disk) == disk_devt(other->gendisk));
	KUNIT_EXPECT_EQ(test, all, atomic_read(&test_calls.disks_changed));
	disk_events_exit();
}

static void new_disk_is_no_change(struct kunit *test)
{
	int before;

	listen(test);
	before = calls();
	test_disk_create(test, NULL);
	settle();
	KUNIT_EXPECT_EQ(test, before, calls());
	disk_events_exit();
}

static void other_devices_are_no_disks(struct kunit *test)
{
	int before;

	listen(test);
	before = calls();
	kobject_uevent(&THIS_MODULE->mkobj.kobj, KOBJ_CHANGE);
	settle();
	KUNIT_EXPECT_EQ(test, before, calls());
	disk_events_exit();
}

static void storm_is_heard(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, NULL);
	int before;
	int i;

	listen(test);
	/* More events than the socket holds: an event after them must not be missed. */
	for (i = 0; i < 500; i++)
		set_capacity_and_notify(disk->gendisk, 8 + i % 2 * 8);
	settle();
	before = calls();
	set_capacity_and_notify(disk->gendisk, 64);
	EXPECT_SOON(test, calls() > before);
	disk_events_exit();
}

static void nothing_is_heard_after_the_end(struct kunit *test)
{
	struct test_disk *disk = test_disk_create(test, NULL);
	int before;
	int i;

	for (i = 0; i < 20; i++) {
		listen(test);
		set_capacity_and_notify(disk->gendisk, 8 + i % 2 * 8);
		disk_events_exit();
		before = calls();
		set_capacity_and_notify(disk->gendisk, 64);
		msleep(20);
		KUNIT_EXPECT_EQ(test, before, calls());
	}
}

static struct kunit_case disk_events_cases[] = {
	KUNIT_CASE(resize_is_heard),
	KUNIT_CASE(removal_is_heard),
	KUNIT_CASE(event_names_its_disk),
	KUNIT_CASE(new_disk_is_no_change),
	KUNIT_CASE(other_devices_are_no_disks),
	KUNIT_CASE(storm_is_heard),
	KUNIT_CASE(nothing_is_heard_after_the_end),
	{},
};

static struct kunit_suite disk_events_suite = {
	.name = "xen_blkback_linux_disk_events",
	.test_cases = disk_events_cases,
};

kunit_test_suite(disk_events_suite);
