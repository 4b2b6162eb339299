/* SPDX-License-Identifier: GPL-2.0 */
/* Event channels to a frontend, with late end-of-interrupt (XSA-332). */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

struct driver_queue;
struct host_device;
struct host_event_channel;

/*
 * host_event_bind - bind the frontend's event channel @port.
 * host_event_unbind - unbind the channel and free it.
 *
 * driver_event(@queue) is called for each event, possibly before host_event_bind() has
 * returned, and no longer once host_event_unbind() has returned.  After each event the
 * channel stays masked until host_event_eoi().
 *
 * Context: process, may sleep.
 * Return: 0 and the channel, owned by the caller; or a negative errno.
 */
int host_event_bind(struct host_device *device, uint32_t port, struct driver_queue *queue,
		    struct host_event_channel **channel);
void host_event_unbind(struct host_event_channel *channel);

/* host_event_notify - send an event to the frontend.  Context: any. */
void host_event_notify(struct host_event_channel *channel);

/*
 * host_event_eoi - end of interrupt: the event was handled.  @spurious is 1 when the
 * event brought no work: the kernel then delays further events, against event storms.
 * Context: process.
 */
void host_event_eoi(struct host_event_channel *channel, uint8_t spurious);

HOST_DECLS_END
