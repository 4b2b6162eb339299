/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Spinlocks, embedded by the core as opaque storage.  The C side asserts at
 * build time that the kernel's lock fits, debug kernels included.
 */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

/*
 * One class per use, in the order in which they may nest (outer first), so
 * that lockdep can tell them apart.
 */
enum host_lock_class {
	HOST_LOCK_REGISTRY = 0,	  /* the list of all devices */
	HOST_LOCK_STATISTICS = 1, /* a device's list of queue counters */
	HOST_LOCK_ORDER = 2,	  /* a device's rings and their barrier */
	HOST_LOCK_PURGE = 3,	  /* a queue's list of purged grants */
	HOST_LOCK_POOL = 4,	  /* a blkif's pool of free pages */
	HOST_LOCK_CLASSES = 5,
};

struct host_spinlock {
	uint64_t storage[12];
};

/* Context: any.  To be called once before the first use. */
void host_spinlock_init(struct host_spinlock *lock, enum host_lock_class lock_class);

/*
 * host_spinlock_lock - take the lock; interrupts are off until it is released.
 *
 * Context: any.
 * Return: the interrupt state, to be handed to host_spinlock_unlock().
 */
unsigned long host_spinlock_lock(struct host_spinlock *lock);
void host_spinlock_unlock(struct host_spinlock *lock, unsigned long state);

HOST_DECLS_END
