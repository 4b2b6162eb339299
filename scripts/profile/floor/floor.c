// SPDX-License-Identifier: GPL-2.0
/*
 * What a disk costs without a guest: a kernel thread that submits the bios that the
 * backend submits, and opens the window of the emulator's plugin meanwhile.
 *
 *   echo "read 4 32 100000" >/sys/module/floor/parameters/run
 *
 * submits 100,000 reads of 4 KiB, 32 at a time, and waits for their end.  The disk is the
 * parameter "disk", MAJOR:MINOR, and must not look at the data: all bios have the same
 * pages.  Its first 512 MiB are used.
 */
#include <linux/bio.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "compat.h"
#include "marks.h"

#define MOST 64
#define MOST_PAGES 16
#define KIBIBYTES_USED (512 << 10)

static char *disk = "";
module_param(disk, charp, 0400);

struct one {
	struct bio bio;
	struct bio_vec vecs[MOST_PAGES];
};

static struct run {
	compat_bdev_handle *handle;
	blk_opf_t operation;
	u32 pages_each;
	u32 depth;
	u32 count;
	u32 places;
	u32 random;
	atomic_t pending;
	atomic_t failed;
	struct completion answered;
	struct page *pages[MOST_PAGES];
	struct one ones[MOST];
} run;

static void one_done(struct bio *bio)
{
	if (bio->bi_status)
		atomic_inc(&run.failed);
	bio_uninit(bio);
	if (atomic_dec_and_test(&run.pending))
		complete(&run.answered);
}

static void one_submit(struct one *one)
{
	struct bio *bio = &one->bio;
	u32 i;

	run.random = run.random * 1664525 + 1013904223;
	for (i = 0; i < run.pages_each; i++) {
		one->vecs[i].bv_page = run.pages[i];
		one->vecs[i].bv_len = PAGE_SIZE;
		one->vecs[i].bv_offset = 0;
	}
	bio_init(bio, compat_bdev(run.handle), one->vecs, run.pages_each, run.operation);
	bio->bi_vcnt = run.pages_each;
	bio->bi_iter.bi_size = run.pages_each << PAGE_SHIFT;
	bio->bi_iter.bi_sector = (run.random >> 8) % run.places * bio_sectors(bio);
	bio->bi_end_io = one_done;
	submit_bio(bio);
}

static void batch(u32 count)
{
	struct blk_plug plug;
	u32 i;

	reinit_completion(&run.answered);
	/* The last one is ours: a disk may answer at once. */
	atomic_set(&run.pending, count + 1);
	blk_start_plug(&plug);
	for (i = 0; i < count; i++)
		one_submit(&run.ones[i]);
	blk_finish_plug(&plug);
	if (!atomic_dec_and_test(&run.pending))
		wait_for_completion(&run.answered);
}

static int thread(void *data)
{
	u32 left;

	/* What the disk allocates at its first I/O is not counted. */
	for (left = 0; left < 1000; left += run.depth)
		batch(run.depth);
	MARK(MARK_OPEN);
	for (left = run.count; left >= run.depth; left -= run.depth) {
		batch(run.depth);
		cond_resched();
	}
	MARK(MARK_CLOSE);
	/* The module may go once this is complete. */
	kthread_complete_and_exit(data, 0);
}

static int run_set(const char *text, const struct kernel_param *parameter)
{
	DECLARE_COMPLETION_ONSTACK(ended);
	unsigned int major, minor, kibibytes;
	struct task_struct *task;
	char operation[8];

	if (sscanf(disk, "%u:%u", &major, &minor) != 2 ||
	    sscanf(text, "%7s %u %u %u", operation, &kibibytes, &run.depth, &run.count) != 4)
		return -EINVAL;
	run.pages_each = kibibytes >> (PAGE_SHIFT - 10);
	if (!run.pages_each || run.pages_each > MOST_PAGES || !run.depth || run.depth > MOST)
		return -EINVAL;
	run.places = KIBIBYTES_USED / kibibytes;
	run.operation = !strcmp(operation, "write") ? REQ_OP_WRITE | REQ_SYNC | REQ_IDLE :
						      REQ_OP_READ;
	run.handle = compat_bdev_open(MKDEV(major, minor), false);
	if (IS_ERR(run.handle))
		return PTR_ERR(run.handle);
	atomic_set(&run.failed, 0);
	task = kthread_run(thread, &ended, "floor");
	if (!IS_ERR(task))
		wait_for_completion(&ended);
	compat_bdev_close(run.handle, false);
	if (IS_ERR(task))
		return PTR_ERR(task);
	return atomic_read(&run.failed) ? -EIO : 0;
}

static const struct kernel_param_ops run_ops = { .set = run_set };
module_param_cb(run, &run_ops, NULL, 0200);

static int __init floor_init(void)
{
	int i;

	init_completion(&run.answered);
	for (i = 0; i < MOST_PAGES; i++) {
		run.pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!run.pages[i])
			goto no_memory;
	}
	return 0;

no_memory:
	while (i--)
		__free_page(run.pages[i]);
	return -ENOMEM;
}

static void __exit floor_exit(void)
{
	int i;

	for (i = 0; i < MOST_PAGES; i++)
		__free_page(run.pages[i]);
}

module_init(floor_init);
module_exit(floor_exit);
MODULE_DESCRIPTION("Submits bios from a kernel thread, to measure a disk without a guest");
MODULE_LICENSE("GPL");
