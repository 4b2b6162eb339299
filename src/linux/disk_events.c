// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel has no call-back for the resize of a block device whose opener
 * does not claim it, but it does tell user space, with an uevent.  So do we
 * listen to uevents: nothing needs to be polled, and nothing happens while no
 * device changes.
 */
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "driver.h"

#include "disk_events.h"

/* The group of the kernel's own events; udev's are another. */
#define UEVENT_GROUP_KERNEL 1

/* NULL when we do not listen (any more). */
static struct socket *events;
static DEFINE_MUTEX(events_lock);
/* An event is a sequence of strings; what we look for comes early. */
static char event[2048];

/* Does one of the strings in event[0..length) read @wanted, or begin so? */
static bool event_has(const char *wanted, int length, bool begin)
{
	int at = 0;

	while (at < length) {
		int left = length - at;
		int size = strnlen(event + at, left);

		if (begin ? !strncmp(event + at, wanted, strlen(wanted)) :
			    !strcmp(event + at, wanted))
			return true;
		at += size + 1;
	}
	return false;
}

/* Reads all events at hand; true when a block device may have changed. */
static bool events_read(void)
{
	bool changed = false;
	int length;

	for (;;) {
		struct kvec vec = { .iov_base = event, .iov_len = sizeof(event) - 1 };
		struct msghdr message = { .msg_flags = MSG_DONTWAIT };

		length = kernel_recvmsg(events, &message, &vec, 1, vec.iov_len, MSG_DONTWAIT);
		if (length == -ENOBUFS) {
			/* Some were lost: look at all devices. */
			changed = true;
			continue;
		}
		if (length <= 0)
			break;
		event[length] = '\0';
		if (!event_has("SUBSYSTEM=block", length, false))
			continue;
		if (event_has("change@", length, true) || event_has("remove@", length, true) ||
		    event_has("offline@", length, true))
			changed = true;
	}
	return changed;
}

static void events_work(struct work_struct *work)
{
	bool changed;

	mutex_lock(&events_lock);
	changed = events && events_read();
	mutex_unlock(&events_lock);
	if (changed)
		driver_disks_changed();
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
 * Releasing a netlink socket that is subscribed to a group waits for
 * broadcasts that go on, so events_ready() is not running afterwards; what it
 * has scheduled until then finds no socket.
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
