/* SPDX-License-Identifier: GPL-2.0 */
/* A cgroup to which bios can be charged. */
#pragma once

struct bio;
struct cgroup;

/*
 * io_group_get - find the group @path, below the root of the cgroup v2 hierarchy.
 * io_group_put - drop the reference; @group may be NULL.
 *
 * Context: process, may sleep.
 * Return: the group with a reference, or an ERR_PTR: -ENOENT (no such group), -ENXIO (the
 * group has no io controller), -EOPNOTSUPP, or another errno.
 */
struct cgroup *io_group_get(const char *path);
void io_group_put(struct cgroup *group);

/*
 * io_group_charge - charge @bio, which has a disk and was not submitted, to @group.
 *
 * A group loses its io controller when an administrator disables it, and gets another
 * one later.  While it has none, an ancestor's is charged.
 *
 * Context: process.
 */
void io_group_charge(struct bio *bio, struct cgroup *group);
