/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk in memory that records its bios.  A case can tell it to fail the n-th bio, or
 * to hold all bios until they are released.
 */
#pragma once

#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/timer.h>

#define TEST_DISK_SECTORS 8192u
#define TEST_DISK_RECORDS 1024u

/* Where the submission of a discard waits for the gate, for five seconds at most. */
enum test_discards {
	TEST_DISCARDS_QUICK,
	TEST_DISCARDS_SLOW,	   /* before the discard ends */
	TEST_DISCARDS_RETURN_LATE, /* after it */
};

struct test_record {
	blk_opf_t operation;
	sector_t sector;
	u32 bytes;
	/* The submitter's plug, for comparisons alone: not dereferenced. */
	const struct blk_plug *plug;
};

struct test_disk {
	struct gendisk *gendisk;
	u8 *data;
	bool removed;

	spinlock_t lock; /* guards the members up to `held`, and `discards` */
	struct test_record records[TEST_DISK_RECORDS];
	unsigned int count;
	unsigned int fail_at; /* counted from 1; 0: none */
	blk_status_t fail_status;
	bool hold;
	struct bio_list held;
	struct timer_list timer; /* releases the held bios and opens the gate */

	enum test_discards discards; /* guarded by lock */
	struct completion gate;
	atomic_t inside; /* submissions that have not returned */
};

/* Removed when the case ends.  NULL @limits: plain blocks of 512 bytes. */
struct test_disk *test_disk_create(struct kunit *test, const struct queue_limits *limits);
struct test_disk *test_disk_create_removable(struct kunit *test);

/* Removes the device from the system.  A holder of an open handle keeps the handle. */
void test_disk_remove(struct test_disk *disk);

/* Forgets the recorded bios. */
void test_disk_forget(struct test_disk *disk);
void test_disk_fail(struct test_disk *disk, unsigned int at, blk_status_t status);
void test_disk_hold(struct test_disk *disk);
/* Closes the gate for discards.  test_disk_open() opens it. */
void test_disk_slow_discards(struct test_disk *disk, enum test_discards discards);
void test_disk_open(struct test_disk *disk);
/* Opens the gate 200 ms later. */
void test_disk_open_later(struct test_disk *disk);
/* Ends the held bios a jiffy later, in softirq context. */
void test_disk_release(struct test_disk *disk);
