// SPDX-License-Identifier: GPL-2.0
/* store.c on Xen: the directories of a backend and a frontend are below our own data/. */
#include <kunit/test.h>
#include <xen/xenbus.h>

#include "fake_device.h"
#include "host/grant.h"
#include "host/store.h"

#define BACKEND "data/kunit/backend"
#define FRONTEND "data/kunit/frontend"

static void directories_remove(void *unused)
{
	xenbus_rm(XBT_NIL, "data", "kunit");
}

static struct fake_device *fixture_create(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test);

	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, directories_remove, NULL));
	KUNIT_ASSERT_EQ(test, 0, xenbus_printf(XBT_NIL, BACKEND, "state", "%d", 4));
	KUNIT_ASSERT_EQ(test, 0, xenbus_printf(XBT_NIL, BACKEND, "online", "%d", 1));
	KUNIT_ASSERT_EQ(test, 0, xenbus_printf(XBT_NIL, FRONTEND, "ring-ref", "%s", "1234"));
	return fake;
}

static void node_is_read_from_its_side(struct kunit *test)
{
	struct host_device *device = fixture_create(test)->host;
	char text[8];

	KUNIT_EXPECT_EQ(test, 0, host_store_read(device, HOST_STORE_FRONTEND, "ring-ref", text, 8));
	KUNIT_EXPECT_STREQ(test, "1234", text);
	KUNIT_EXPECT_EQ(test, 0, host_store_read(device, HOST_STORE_BACKEND, "state", text, 8));
	KUNIT_EXPECT_STREQ(test, "4", text);
	KUNIT_EXPECT_EQ(test, -ENOENT,
			host_store_read(device, HOST_STORE_BACKEND, "ring-ref", text, 8));
}

/* A read returns the whole text or none of it. */
static void long_node_is_refused(struct kunit *test)
{
	struct host_device *device = fixture_create(test)->host;
	char text[8];

	KUNIT_EXPECT_EQ(test, 0, host_store_read(device, HOST_STORE_FRONTEND, "ring-ref", text, 5));
	KUNIT_EXPECT_STREQ(test, "1234", text);
	memset(text, 'x', sizeof(text));
	KUNIT_EXPECT_EQ(test, -E2BIG,
			host_store_read(device, HOST_STORE_FRONTEND, "ring-ref", text, 4));
	KUNIT_EXPECT_EQ(test, 'x', text[0]);
	KUNIT_EXPECT_EQ(test, -E2BIG,
			host_store_read(device, HOST_STORE_FRONTEND, "ring-ref", text, 0));
}

static int publish_nodes(struct host_device *device, const struct host_store_node *nodes, u32 count)
{
	return host_device_publish(device, host_device_state(device), nodes, count);
}

static int publish_state(struct host_device *device, enum host_xenbus_state state)
{
	return host_device_publish(device, state, NULL, 0);
}

static void nodes_are_published_together(struct kunit *test)
{
	static const struct host_store_node nodes[] = { { "sectors", U64_MAX },
							{ "sector-size", 512 } };
	struct host_device *device = fixture_create(test)->host;
	char text[32];

	KUNIT_EXPECT_EQ(test, 0, publish_nodes(device, nodes, ARRAY_SIZE(nodes)));
	KUNIT_EXPECT_EQ(test, 0, host_store_read(device, HOST_STORE_BACKEND, "sectors", text, 32));
	KUNIT_EXPECT_STREQ(test, "18446744073709551615", text);
	KUNIT_EXPECT_EQ(test, 0,
			host_store_read(device, HOST_STORE_BACKEND, "sector-size", text, 32));
	KUNIT_EXPECT_STREQ(test, "512", text);
}

static void nodes_are_written_and_removed(struct kunit *test)
{
	static const struct host_store_node nodes[] = { { "kthread-pid", 4711 },
							{ "queue-1/kthread-pid", 4712 } };
	struct host_device *device = fixture_create(test)->host;
	char text[32];

	/* The toolstack's Closing is left alone. */
	KUNIT_ASSERT_EQ(test, 0, xenbus_printf(XBT_NIL, BACKEND, "state", "%d", 5));
	KUNIT_EXPECT_EQ(test, 0, host_store_write(device, nodes, ARRAY_SIZE(nodes)));
	KUNIT_EXPECT_EQ(test, 0,
			host_store_read(device, HOST_STORE_BACKEND, "kthread-pid", text, 32));
	KUNIT_EXPECT_STREQ(test, "4711", text);
	KUNIT_EXPECT_EQ(test, 0,
			host_store_read(device, HOST_STORE_BACKEND, "queue-1/kthread-pid", text,
					32));
	KUNIT_EXPECT_STREQ(test, "4712", text);
	KUNIT_EXPECT_EQ(test, 0, host_store_remove(device, "queue-1"));
	KUNIT_EXPECT_EQ(test, 0, host_store_remove(device, "no-such-node"));
	KUNIT_EXPECT_EQ(test, 0, host_store_remove(device, "kthread-pid"));
	KUNIT_EXPECT_EQ(test, 0, xenbus_exists(XBT_NIL, BACKEND, "kthread-pid"));
	KUNIT_EXPECT_EQ(test, 0, xenbus_exists(XBT_NIL, BACKEND, "queue-1"));
	KUNIT_EXPECT_EQ(test, 0, host_store_read(device, HOST_STORE_BACKEND, "state", text, 32));
	KUNIT_EXPECT_STREQ(test, "5", text);
}

/* A plain write would create the removed directory again. */
static void removed_directory_stays_removed(struct kunit *test)
{
	static const struct host_store_node node = { "sectors", 1 };
	struct host_device *device = fixture_create(test)->host;

	xenbus_rm(XBT_NIL, "data/kunit", "backend");
	KUNIT_EXPECT_EQ(test, -ENOENT, publish_nodes(device, &node, 1));
	KUNIT_EXPECT_EQ(test, -ENOENT, host_store_resize(device, 8));
	KUNIT_EXPECT_EQ(test, -ENOENT, host_store_write(device, &node, 1));
	KUNIT_EXPECT_EQ(test, -ENOENT, host_store_remove(device, node.name));
	KUNIT_EXPECT_EQ(test, 0, xenbus_exists(XBT_NIL, BACKEND, ""));
}

static void resize_is_told_when_connected_alone(struct kunit *test)
{
	struct host_device *device = fixture_create(test)->host;
	char text[32];

	KUNIT_EXPECT_EQ(test, 0, host_store_resize(device, 4711));
	KUNIT_EXPECT_EQ(test, 0, host_store_read(device, HOST_STORE_BACKEND, "sectors", text, 32));
	KUNIT_EXPECT_STREQ(test, "4711", text);
	KUNIT_EXPECT_EQ(test, 0, host_store_read(device, HOST_STORE_BACKEND, "state", text, 32));
	KUNIT_EXPECT_STREQ(test, "4", text);

	/* The toolstack's Closing is not overwritten. */
	KUNIT_ASSERT_EQ(test, 0, xenbus_printf(XBT_NIL, BACKEND, "state", "%d", 5));
	KUNIT_EXPECT_EQ(test, -EBUSY, host_store_resize(device, 8));
	KUNIT_EXPECT_EQ(test, 0, host_store_read(device, HOST_STORE_BACKEND, "sectors", text, 32));
	KUNIT_EXPECT_STREQ(test, "4711", text);
	KUNIT_EXPECT_EQ(test, 0, host_store_read(device, HOST_STORE_BACKEND, "state", text, 32));
	KUNIT_EXPECT_STREQ(test, "5", text);
}

/* A frontend that has gone on to another state sees neither Connected nor its nodes. */
static void connected_and_its_nodes_are_one(struct kunit *test)
{
	static const struct host_store_node node = { "sectors", 4711 };
	struct host_device *device = fixture_create(test)->host;
	char text[32];

	KUNIT_ASSERT_EQ(test, 0, publish_state(device, HOST_XENBUS_INIT_WAIT));
	KUNIT_ASSERT_EQ(test, 0, xenbus_printf(XBT_NIL, FRONTEND, "state", "%d", 6));
	KUNIT_EXPECT_EQ(test, -EBUSY, host_device_publish(device, HOST_XENBUS_CONNECTED, &node, 1));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			host_store_read(device, HOST_STORE_BACKEND, "sectors", text, 32));
	KUNIT_EXPECT_EQ(test, HOST_XENBUS_INIT_WAIT, host_device_state(device));
	KUNIT_ASSERT_EQ(test, 0, xenbus_printf(XBT_NIL, FRONTEND, "state", "%d", 3));
	KUNIT_EXPECT_EQ(test, 0, host_device_publish(device, HOST_XENBUS_CONNECTED, &node, 1));
	KUNIT_EXPECT_EQ(test, 0, host_store_read(device, HOST_STORE_BACKEND, "sectors", text, 32));
	KUNIT_EXPECT_STREQ(test, "4711", text);
	KUNIT_EXPECT_EQ(test, 0, host_store_read(device, HOST_STORE_BACKEND, "state", text, 32));
	KUNIT_EXPECT_STREQ(test, "4", text);
}

/* After the removal the directory may be another device's: nothing is read or written. */
static void removed_device_touches_nothing(struct kunit *test)
{
	static const struct host_store_node node = { "sectors", 1 };
	struct fake_device *fake = fixture_create(test);
	struct host_device *device = fake->host;
	uint32_t gref = 1;
	void *ring;
	char text[32];

	KUNIT_EXPECT_EQ(test, -EBUSY, publish_state(device, HOST_XENBUS_CONNECTED));
	KUNIT_ASSERT_EQ(test, 0, xenbus_printf(XBT_NIL, FRONTEND, "state", "%d", 3));
	KUNIT_ASSERT_EQ(test, 0, publish_state(device, HOST_XENBUS_CONNECTED));
	host_device_error(device, -EIO, "to be seen");
	KUNIT_EXPECT_EQ(test, 1, xenbus_exists(XBT_NIL, "error/" BACKEND, "error"));
	xenbus_rm(XBT_NIL, "error/" BACKEND, "error");
	mutex_lock(&device->lock);
	device->removed = true;
	mutex_unlock(&device->lock);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			host_store_read(device, HOST_STORE_FRONTEND, "ring-ref", text, 32));
	KUNIT_EXPECT_EQ(test, -ENODEV, publish_nodes(device, &node, 1));
	KUNIT_EXPECT_EQ(test, -ENODEV, host_store_resize(device, 8));
	KUNIT_EXPECT_EQ(test, -ENODEV, host_store_write(device, &node, 1));
	KUNIT_EXPECT_EQ(test, -ENODEV, host_store_remove(device, node.name));
	KUNIT_EXPECT_EQ(test, -ENODEV, publish_state(device, HOST_XENBUS_CLOSED));
	KUNIT_EXPECT_EQ(test, -ENODEV, host_device_online(device));
	KUNIT_EXPECT_EQ(test, -ENODEV, host_ring_map(device, &gref, 1, &ring));
	KUNIT_EXPECT_EQ(test, HOST_XENBUS_CONNECTED, host_device_state(device));
	KUNIT_EXPECT_EQ(test, 0, xenbus_exists(XBT_NIL, BACKEND, "sectors"));
	host_device_error(device, -EIO, "not to be seen");
	KUNIT_EXPECT_EQ(test, 0, xenbus_exists(XBT_NIL, "error/" BACKEND, "error"));
}

/* The toolstack has removed the directory: the caller gets -ENOENT. */
static void state_of_a_removed_directory_is_not_published(struct kunit *test)
{
	struct host_device *device = fixture_create(test)->host;
	enum host_xenbus_state before = host_device_state(device);

	xenbus_rm(XBT_NIL, "data/kunit", "backend");
	KUNIT_EXPECT_EQ(test, -ENOENT, publish_state(device, HOST_XENBUS_CLOSED));
	KUNIT_EXPECT_EQ(test, before, host_device_state(device));
	KUNIT_EXPECT_EQ(test, 0, xenbus_exists(XBT_NIL, BACKEND, ""));
}

static void state_is_published(struct kunit *test)
{
	struct fake_device *fake = fixture_create(test);
	char text[32];

	KUNIT_EXPECT_EQ(test, 0, publish_state(fake->host, HOST_XENBUS_CLOSED));
	KUNIT_EXPECT_EQ(test, HOST_XENBUS_CLOSED, host_device_state(fake->host));
	KUNIT_EXPECT_EQ(test, 0,
			host_store_read(fake->host, HOST_STORE_BACKEND, "state", text, 32));
	KUNIT_EXPECT_STREQ(test, "6", text);
}

static void toolstack_says_whether_we_are_online(struct kunit *test)
{
	struct host_device *device = fixture_create(test)->host;

	KUNIT_EXPECT_EQ(test, 1, host_device_online(device));
	KUNIT_ASSERT_EQ(test, 0, xenbus_printf(XBT_NIL, BACKEND, "online", "%d", 0));
	KUNIT_EXPECT_EQ(test, 0, host_device_online(device));
	xenbus_rm(XBT_NIL, BACKEND, "online");
	KUNIT_EXPECT_EQ(test, 0, host_device_online(device));
}

static struct kunit_case store_cases[] = {
	KUNIT_CASE(node_is_read_from_its_side),
	KUNIT_CASE(long_node_is_refused),
	KUNIT_CASE(nodes_are_published_together),
	KUNIT_CASE(nodes_are_written_and_removed),
	KUNIT_CASE(removed_directory_stays_removed),
	KUNIT_CASE(resize_is_told_when_connected_alone),
	KUNIT_CASE(connected_and_its_nodes_are_one),
	KUNIT_CASE(removed_device_touches_nothing),
	KUNIT_CASE(state_of_a_removed_directory_is_not_published),
	KUNIT_CASE(state_is_published),
	KUNIT_CASE(toolstack_says_whether_we_are_online),
	{},
};

static struct kunit_suite store_suite = {
	.name = "xen_blkback_linux_store",
	.init = need_xen,
	.test_cases = store_cases,
};

kunit_test_suite(store_suite);
