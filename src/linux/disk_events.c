// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel has no callback for the resize of a block device whose opener does not
 * claim it, but it sends a uevent to user space.  We therefore listen to uevents.
 * The survey (survey.c) finds growth for which the kernel sends no uevent.
 */
#include <linux/kstrtox.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "driver.h"

#include "disk_events.h"

/* The multicast group of the kernel's events.  udev's events have another group. */
#define UEVENT_GROUP_KERNEL 1

/* NULL when we do not listen. */
static struct socket *events;
static DEFINE_MUTEX(events_lock);
/* An event is a sequence of strings.  It may be cut: the strings that we need come early. */
static char event[2048];

/* Return: the rest, after @begin, of the string in event[0..length) that begins so, or NULL. */
static const char *event_find(const char *begin, int length)
{
	int at = 0;

	while (at < length) {
		if (!strncmp(event + at, begin, strlen(begin)))
			return event + at + strlen(begin);
		at += strnlen(event + at, length - at) + 1;
	}
	return NULL;
}

static bool event_number(const char *begin, int length, u32 *number)
{
	const char *text = event_find(begin, length);

	return text && !kstrtou32(text, 10, number);
}

/*
 * Tells the core about a block device that was resized or removed.  An event without the
 * device's number may be about any device.
 */
static void event_tell(int length)
{
	const char *subsystem = event_find("SUBSYSTEM=", length);
	u32 major, minor;

	if (!subsystem || strcmp(subsystem, "block"))
		return;
	if (!event_find("change@", length) && !event_find("remove@", length) &&
	    !event_find("offline@", length))
		return;
	if (event_number("MAJOR=", length, &major) && event_number("MINOR=", length, &minor))
		driver_disk_changed(major, minor);
	else
		driver_disks_changed();
}

/* Reads all queued events. */
static void events_read(void)
{
	int length;

	for (;;) {
		struct kvec vec = { .iov_base = event, .iov_len = sizeof(event) - 1 };
		struct msghdr message = { .msg_flags = MSG_DONTWAIT };

		length = kernel_recvmsg(events, &message, &vec, 1, vec.iov_len, MSG_DONTWAIT);
		if (length == -ENOBUFS) {
			/* Events were lost: check all devices. */
			driver_disks_changed();
			continue;
		}
		if (length <= 0)
			break;
		event[length] = '\0';
		event_tell(length);
	}
}

static void events_work(struct work_struct *work)
{
	mutex_lock(&events_lock);
	if (events)
		events_read();
	mutex_unlock(&events_lock);
}

static DECLARE_WORK(work, events_work);

static void events_ready(struct sock *sk)
{
	schedule_work(&work);
}

int disk_events_init(void)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = UEVENT_GROUP_KERNEL,
	};
	struct socket *created;
	int error;

	error = sock_create_kern(&init_net, AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT, &created);
	if (error)
		return error;
	events = created;
	created->sk->sk_data_ready = events_ready;
	error = kernel_bind(created, (void *)&address, sizeof(address));
	if (error)
		disk_events_exit();
	return error;
}

/*
 * Releasing a netlink socket that is subscribed to a group waits for running
 * broadcasts, so events_ready() does not run afterwards.  The work that it has
 * scheduled before finds no socket.
 */
void disk_events_exit(void)
{
	struct socket *released;

	mutex_lock(&events_lock);
	released = events;
	events = NULL;
	mutex_unlock(&events_lock);
	sock_release(released);
	cancel_work_sync(&work);
}
