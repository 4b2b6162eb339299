// SPDX-License-Identifier: GPL-2.0
#include <linux/blkdev.h>
#include <linux/ioprio.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "discard.h"

struct discards {
	/* One reference of the disk, and one of each run that is queued or running. */
	refcount_t users;
	struct work_struct work;
	wait_queue_head_t idle;
	spinlock_t lock; /* guards all that follows */
	struct bio_list waiting;
	bool submitting;
};

/*
 * Not WQ_MEM_RECLAIM: its rescuer would submit all disks' discards one after the other,
 * and one disk that hangs would block the others.  Memory reclaim does not depend on a
 * discard.  Freezable, like the rings' threads, which issue the discards.
 */
static struct workqueue_struct *discard_queue;

int discards_init(void)
{
	discard_queue =
		alloc_workqueue("xen-blkback-discard", WQ_UNBOUND | WQ_FREEZABLE, WQ_MAX_ACTIVE);
	return discard_queue ? 0 : -ENOMEM;
}

void discards_exit(void)
{
	destroy_workqueue(discard_queue);
}

static void discards_put(struct discards *discards)
{
	if (refcount_dec_and_test(&discards->users))
		kfree(discards);
}

/* Submits the bios that wait at its start.  A bio that comes later queues another run. */
static void discards_function(struct work_struct *work)
{
	struct discards *discards = container_of(work, struct discards, work);
	unsigned int no_io = memalloc_noio_save();
	struct bio_list taken;
	struct blk_plug plug;
	struct bio *bio;

	spin_lock(&discards->lock);
	taken = discards->waiting;
	bio_list_init(&discards->waiting);
	discards->submitting = !bio_list_empty(&taken);
	spin_unlock(&discards->lock);

	blk_start_plug(&plug);
	while ((bio = bio_list_pop(&taken))) {
		submit_bio(bio);
		cond_resched();
	}
	blk_finish_plug(&plug);

	spin_lock(&discards->lock);
	discards->submitting = false;
	spin_unlock(&discards->lock);
	wake_up(&discards->idle);
	memalloc_noio_restore(no_io);
	discards_put(discards);
}

struct discards *discards_create(void)
{
	struct discards *discards;

	discards = kzalloc(sizeof(*discards), GFP_KERNEL);
	if (!discards)
		return NULL;
	refcount_set(&discards->users, 1);
	INIT_WORK(&discards->work, discards_function);
	init_waitqueue_head(&discards->idle);
	spin_lock_init(&discards->lock);
	bio_list_init(&discards->waiting);
	return discards;
}

/*
 * Does not wait for a queued run: it will find no bio and does not use the disk.  Waiting
 * for it could mean waiting for memory, or for the thaw.
 */
void discards_end(struct discards *discards)
{
	wait_event(discards->idle, !READ_ONCE(discards->submitting));
	discards_put(discards);
}

void discards_submit(struct discards *discards, struct bio *bio)
{
	/* The priority of the ring's thread, not of the worker. */
	bio->bi_ioprio = get_current_ioprio();

	spin_lock(&discards->lock);
	bio_list_add(&discards->waiting, bio);
	spin_unlock(&discards->lock);

	refcount_inc(&discards->users);
	if (!queue_work(discard_queue, &discards->work))
		discards_put(discards);
}
