/* SPDX-License-Identifier: GPL-2.0 */
/* I/O as the core does it, with memory whose contents depend on the sector. */
#pragma once

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>

#include "host/block.h"

struct test_io {
	struct host_io io;
	struct host_io_segment *segments; /* io.segments */
	atomic_t times;			  /* the calls of driver_io_done() */
	struct completion done;
};

/* The disk is closed when the case ends. */
struct host_disk *test_open(struct kunit *test, dev_t dev, bool read_only);
/* Return: the number of the disk at @path.  Waits until the path exists. */
dev_t test_lookup(struct kunit *test, const char *path);

/* One segment a page; the last one may be shorter.  Freed when the case ends. */
struct test_io *test_io_create(struct kunit *test, struct host_disk *disk,
			       enum host_io_operation operation, u64 sector, u32 bytes);
/* No segments; @sectors is a discard's length. */
struct test_io *test_io_create_empty(struct kunit *test, struct host_disk *disk,
				     enum host_io_operation operation, u64 sector, u64 sectors);

/* Each sector's contents follow from its number and @seed. */
void test_io_fill(struct test_io *io, u32 seed);
bool test_io_holds(const struct test_io *io, u32 seed);
void test_pattern(void *to, u64 sector, u32 bytes, u32 seed);

void test_io_submit(struct test_io *const *ios, u32 count);
/* Waits for the end of the I/O.  Return: the I/O's error. */
int test_io_wait(struct kunit *test, struct test_io *io);
int test_io_run(struct kunit *test, struct test_io *io);

void test_io_done(struct host_io *io);
