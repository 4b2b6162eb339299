/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Spinlocks.  The core embeds them as opaque storage.  The C side asserts at build
 * time that the kernel's lock fits, also in debug kernels.
 */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

/*
 * Lock classes for lockdep, one per use.  Locks nest in this order, the outer first.
 */
enum host_lock_class {
	HOST_LOCK_REGISTRY = 0,	  /* the list of all devices */
	HOST_LOCK_STATISTICS = 1, /* a device's queue counters, disk identity and outlook */
	HOST_LOCK_TURN = 2,	  /* what belongs to a ring's thread, while it sleeps */
	HOST_LOCK_ORDER = 3,	  /* a connection's rings and their barrier */
	HOST_LOCK_PURGE = 4,	  /* a ring's list of purged grants */
	HOST_LOCK_POOL = 5,	  /* a connection's pool of free pages */
	HOST_LOCK_CLASSES = 6,
};

struct host_spinlock {
	uint64_t storage[12];
};

/* host_spinlock_init - initialise a lock.  Call once, before its first use.  Context: any. */
void host_spinlock_init(struct host_spinlock *lock, enum host_lock_class lock_class);

/*
 * host_spinlock_lock - take the lock; interrupts are off until it is released.
 * host_spinlock_unlock - release the lock and restore the interrupt state @state.
 *
 * Context: any.
 * Return: the interrupt state, to be passed to host_spinlock_unlock().
 */
unsigned long host_spinlock_lock(struct host_spinlock *lock);
void host_spinlock_unlock(struct host_spinlock *lock, unsigned long state);

HOST_DECLS_END
