// SPDX-License-Identifier: GPL-2.0
#include <linux/bio.h>
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "disk.h"

static void disk_transfer(struct test_disk *disk, struct bio *bio)
{
	struct bvec_iter iterator;
	struct bio_vec part;

	bio_for_each_segment(part, bio, iterator) {
		u8 *data = disk->data + (iterator.bi_sector << SECTOR_SHIFT);

		if (op_is_write(bio_op(bio)))
			memcpy_from_bvec(data, &part);
		else
			memcpy_to_bvec(&part, data);
	}
}

static void disk_serve(struct test_disk *disk, struct bio *bio)
{
	switch (bio_op(bio)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
		disk_transfer(disk, bio);
		break;
	case REQ_OP_DISCARD:
	case REQ_OP_SECURE_ERASE:
		memset(disk->data + (bio->bi_iter.bi_sector << SECTOR_SHIFT), 0,
		       bio->bi_iter.bi_size);
		break;
	default:
		bio->bi_status = BLK_STS_NOTSUPP;
		break;
	}
	bio_endio(bio);
}

static void disk_gate(struct test_disk *disk)
{
	wait_for_completion_timeout(&disk->gate, 60 * HZ);
}

static void disk_submit_bio(struct bio *bio)
{
	struct test_disk *disk = bio->bi_bdev->bd_disk->private_data;
	enum test_discards discards = TEST_DISCARDS_QUICK;
	blk_status_t status = BLK_STS_OK;
	bool hold;

	bio = bio_split_to_limits(bio);
	if (!bio)
		return;
	spin_lock_irq(&disk->lock);
	if (disk->count < TEST_DISK_RECORDS) {
		disk->records[disk->count] = (struct test_record){
			.operation = bio->bi_opf,
			.sector = bio->bi_iter.bi_sector,
			.bytes = bio->bi_iter.bi_size,
			.plug = current->plug,
		};
	}
	disk->count++;
	if (disk->count == disk->fail_at)
		status = disk->fail_status;
	hold = disk->hold;
	if (hold) {
		bio->bi_status = status;
		bio_list_add(&disk->held, bio);
	} else if (bio_op(bio) == REQ_OP_DISCARD) {
		discards = disk->discards;
	}
	spin_unlock_irq(&disk->lock);

	if (hold)
		return;
	if (discards == TEST_DISCARDS_SLOW)
		disk_gate(disk);
	atomic_inc(&disk->inside);
	if (status) {
		bio->bi_status = status;
		bio_endio(bio);
	} else {
		disk_serve(disk, bio);
	}
	if (discards == TEST_DISCARDS_RETURN_LATE)
		disk_gate(disk);
	atomic_dec(&disk->inside);
}

static void disk_timer(struct timer_list *timer)
{
	struct test_disk *disk = from_timer(disk, timer, timer);
	struct bio_list held;
	struct bio *bio;

	spin_lock(&disk->lock);
	held = disk->held;
	bio_list_init(&disk->held);
	disk->hold = false;
	spin_unlock(&disk->lock);

	complete_all(&disk->gate);
	while ((bio = bio_list_pop(&held))) {
		if (bio->bi_status)
			bio_endio(bio);
		else
			disk_serve(disk, bio);
	}
}

static const struct block_device_operations disk_operations = {
	.owner = THIS_MODULE,
	.submit_bio = disk_submit_bio,
};

static void disk_destroy(void *argument)
{
	struct test_disk *disk = argument;

	if (disk->gendisk) {
		test_disk_remove(disk);
		put_disk(disk->gendisk);
	}
	timer_delete_sync(&disk->timer);
	vfree(disk->data);
	kfree(disk);
}

static struct test_disk *disk_create(struct kunit *test, const struct queue_limits *wanted,
				     int flags)
{
	static atomic_t created = ATOMIC_INIT(0);
	struct queue_limits limits = {};
	struct gendisk *gendisk;
	struct test_disk *disk;

	if (wanted)
		limits = *wanted;
	disk = kzalloc(sizeof(*disk), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, disk);
	spin_lock_init(&disk->lock);
	bio_list_init(&disk->held);
	init_completion(&disk->gate);
	timer_setup(&disk->timer, disk_timer, 0);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, disk_destroy, disk));

	disk->data = vzalloc(TEST_DISK_SECTORS << SECTOR_SHIFT);
	KUNIT_ASSERT_NOT_NULL(test, disk->data);
	gendisk = blk_alloc_disk(&limits, NUMA_NO_NODE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(gendisk));
	gendisk->fops = &disk_operations;
	gendisk->flags |= GENHD_FL_NO_PART | flags;
	gendisk->private_data = disk;
	snprintf(gendisk->disk_name, sizeof(gendisk->disk_name), "kunit%d",
		 atomic_inc_return(&created));
	set_capacity(gendisk, TEST_DISK_SECTORS);
	if (add_disk(gendisk)) {
		put_disk(gendisk);
		KUNIT_FAIL_AND_ABORT(test, "no disk");
	}
	disk->gendisk = gendisk;
	return disk;
}

struct test_disk *test_disk_create(struct kunit *test, const struct queue_limits *limits)
{
	return disk_create(test, limits, 0);
}

struct test_disk *test_disk_create_removable(struct kunit *test)
{
	return disk_create(test, NULL, GENHD_FL_REMOVABLE);
}

void test_disk_remove(struct test_disk *disk)
{
	if (disk->removed)
		return;
	disk->removed = true;
	del_gendisk(disk->gendisk);
}

void test_disk_forget(struct test_disk *disk)
{
	spin_lock_irq(&disk->lock);
	disk->count = 0;
	spin_unlock_irq(&disk->lock);
}

void test_disk_fail(struct test_disk *disk, unsigned int at, blk_status_t status)
{
	spin_lock_irq(&disk->lock);
	disk->count = 0;
	disk->fail_at = at;
	disk->fail_status = status;
	spin_unlock_irq(&disk->lock);
}

void test_disk_hold(struct test_disk *disk)
{
	spin_lock_irq(&disk->lock);
	disk->hold = true;
	spin_unlock_irq(&disk->lock);
}

void test_disk_slow_discards(struct test_disk *disk, enum test_discards discards)
{
	reinit_completion(&disk->gate);
	spin_lock_irq(&disk->lock);
	disk->discards = discards;
	spin_unlock_irq(&disk->lock);
}

void test_disk_open(struct test_disk *disk)
{
	complete_all(&disk->gate);
}

void test_disk_open_later(struct test_disk *disk)
{
	mod_timer(&disk->timer, jiffies + HZ / 5);
}

void test_disk_release(struct test_disk *disk)
{
	mod_timer(&disk->timer, jiffies + 1);
}
