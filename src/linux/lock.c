// SPDX-License-Identifier: GPL-2.0
#include <linux/build_bug.h>
#include <linux/spinlock.h>

#include "host/lock.h"

static_assert(sizeof(spinlock_t) <= sizeof(struct host_spinlock));
static_assert(__alignof__(spinlock_t) <= __alignof__(struct host_spinlock));

static struct lock_class_key host_lock_keys[HOST_LOCK_CLASSES];
static const char *const host_lock_names[HOST_LOCK_CLASSES] = {
	[HOST_LOCK_REGISTRY] = "xen_blkback_registry",
	[HOST_LOCK_STATISTICS] = "xen_blkback_statistics",
	[HOST_LOCK_TURN] = "xen_blkback_turn",
	[HOST_LOCK_ORDER] = "xen_blkback_order",
	[HOST_LOCK_PURGE] = "xen_blkback_purge",
	[HOST_LOCK_POOL] = "xen_blkback_pool",
};

static spinlock_t *host_spinlock_kernel(struct host_spinlock *lock)
{
	return (spinlock_t *)lock->storage;
}

void host_spinlock_init(struct host_spinlock *lock, enum host_lock_class lock_class)
{
	spin_lock_init(host_spinlock_kernel(lock));
	lockdep_set_class_and_name(host_spinlock_kernel(lock), &host_lock_keys[lock_class],
				   host_lock_names[lock_class]);
}

unsigned long host_spinlock_lock(struct host_spinlock *lock) __acquires(lock)
{
	unsigned long flags;

	spin_lock_irqsave(host_spinlock_kernel(lock), flags);
	return flags;
}

void host_spinlock_unlock(struct host_spinlock *lock, unsigned long state) __releases(lock)
{
	spin_unlock_irqrestore(host_spinlock_kernel(lock), state);
}
