/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Submits the discards of a disk in a worker, not in the ring's thread.
 *
 * Some disks do the work of a discard within its submission, and a full request
 * queue blocks the submitter.  In the ring's thread this would delay the ring's
 * reads and writes.
 */
#pragma once

#include <linux/bio.h>

/* The discards of one disk. */
struct discards;

/* Called when the module starts and ends.  discards_init() returns 0 or -ENOMEM. */
int discards_init(void);
void discards_exit(void);

/*
 * Context: process, may sleep.
 * Return: the object, which the caller owns, or NULL without memory.
 */
struct discards *discards_create(void);

/*
 * Frees @discards.  Call this when all submitted discards have ended.  After it
 * returns the worker does not use the disk.
 *
 * Context: process, may sleep: waits for a submission that has not returned yet.
 */
void discards_end(struct discards *discards);

/*
 * Hands @bio to the worker.  Never ends @bio itself, and needs no memory.
 *
 * Context: process; not from the end of an I/O.
 */
void discards_submit(struct discards *discards, struct bio *bio);
