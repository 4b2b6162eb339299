/* SPDX-License-Identifier: GPL-2.0 */
/* I/O as the core does it, with memory whose contents tell where they belong. */
#pragma once

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>

#include "host/block.h"

struct test_io {
	struct host_io io;
	struct host_io_segment *segments; /* io.segments */
	atomic_t times;			  /* that the I/O was said to be done */
	struct completion done;
};

/* Closed when the case ends. */
struct host_disk *test_open(struct kunit *test, dev_t dev, bool read_only);
/* The disk at a path; waits until it is there. */
dev_t test_lookup(struct kunit *test, const char *path);

/* One segment a page, the last one cut.  Freed when the case ends. */
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
/* Waits; returns the I/O's error. */
int test_io_wait(struct kunit *test, struct test_io *io);
int test_io_run(struct kunit *test, struct test_io *io);

void test_io_done(struct host_io *io);
