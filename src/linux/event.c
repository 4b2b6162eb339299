// SPDX-License-Identifier: GPL-2.0
#include <linux/interrupt.h>
#include <linux/slab.h>
#include <xen/events.h>

#include "driver.h"
#include "host/event.h"

#include "device.h"

struct host_event_channel {
	int irq;
	struct driver_queue *queue;
};

static irqreturn_t event_interrupt(int irq, void *data)
{
	struct host_event_channel *channel = data;

	driver_event(channel->queue);
	return IRQ_HANDLED;
}

int host_event_bind(struct host_device *device, uint32_t port, struct driver_queue *queue,
		    struct host_event_channel **channel)
{
	struct host_event_channel *created;

	created = kzalloc(sizeof(*created), GFP_KERNEL);
	if (!created)
		return -ENOMEM;
	created->queue = queue;
	created->irq = bind_interdomain_evtchn_to_irqhandler_lateeoi(device->xenbus, port,
								     event_interrupt, 0,
								     "blkif-backend", created);
	if (created->irq < 0) {
		int error = created->irq;

		kfree(created);
		return error;
	}
	*channel = created;
	return 0;
}

void host_event_unbind(struct host_event_channel *channel)
{
	unbind_from_irqhandler(channel->irq, channel);
	kfree(channel);
}

void host_event_notify(struct host_event_channel *channel)
{
	notify_remote_via_irq(channel->irq);
}

void host_event_eoi(struct host_event_channel *channel, uint8_t spurious)
{
	xen_irq_lateeoi(channel->irq, spurious ? XEN_EOI_FLAG_SPURIOUS : 0);
}
