/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Submits a disk's discards in a thread that is not the ring's.
 *
 * Some disks do the work of a discard within its submission, and a full request
 * queue lets the submitter wait: the ring's reads and writes would wait, too.
 */
#pragma once

#include <linux/bio.h>

/* Those of one disk. */
struct discards;

/* The module's start and end.  discards_init() returns 0 or -ENOMEM. */
int discards_init(void);
void discards_exit(void);

/* Return: NULL without memory.  Context: process, may sleep. */
struct discards *discards_create(void);

/*
 * All that was submitted has ended.  After this nothing of the disk is used any
 * more.
 *
 * Context: process, waits for a submission that has not returned yet.
 */
void discards_end(struct discards *discards);

/*
 * Never ends the bio itself, and needs no memory.
 *
 * Context: process; not from the end of an I/O.
 */
void discards_submit(struct discards *discards, struct bio *bio);
