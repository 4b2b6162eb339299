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
	/* One of the disk's, and one of each run that is due or at work. */
	refcount_t users;
	struct work_struct work;
	wait_queue_head_t idle;
	spinlock_t lock; /* guards all that follows */
	struct bio_list waiting;
	bool submitting;
};

/*
 * Without a rescuer (WQ_MEM_RECLAIM): it would work off all disks' discards one after
 * the other, and one disk that hangs would hold up the rest.  No memory depends on a
 * discard.  Freezable as the rings' threads are, whose discards these are.
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

/* Only what waits at its start: another run is due for what comes meanwhile. */
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
 * A run that is due has nothing to do and needs none of the disk: to wait for it could
 * mean to wait for memory, or for the thaw.
 */
void discards_end(struct discards *discards)
{
	wait_event(discards->idle, !READ_ONCE(discards->submitting));
	discards_put(discards);
}

void discards_submit(struct discards *discards, struct bio *bio)
{
	/* The ring's, not the worker's. */
	bio->bi_ioprio = get_current_ioprio();

	spin_lock(&discards->lock);
	bio_list_add(&discards->waiting, bio);
	spin_unlock(&discards->lock);

	refcount_inc(&discards->users);
	if (!queue_work(discard_queue, &discards->work))
		discards_put(discards);
}
