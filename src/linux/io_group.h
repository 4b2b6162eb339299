/* SPDX-License-Identifier: GPL-2.0 */
/* The io controller of a cgroup, to which bios can be charged. */
#pragma once

struct cgroup_subsys_state;

/*
 * io_group_get - find the group @path, below the root of the cgroup v2 hierarchy.
 * io_group_put - drop the reference; @group may be NULL.
 *
 * Context: process, may sleep.
 * Return: the group's io controller with a reference, or an ERR_PTR: -ENOENT (no such
 * group), -ENXIO (the group has no io controller), -EOPNOTSUPP, or another errno.
 */
struct cgroup_subsys_state *io_group_get(const char *path);
void io_group_put(struct cgroup_subsys_state *group);
