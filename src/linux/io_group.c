// SPDX-License-Identifier: GPL-2.0
#include <linux/bio.h>
#include <linux/cgroup.h>
#include <linux/err.h>

#include "io_group.h"

#ifdef CONFIG_BLK_CGROUP
struct cgroup *io_group_get(const char *path)
{
	struct cgroup_subsys_state *css;
	struct cgroup *group;
	bool controls;

	group = cgroup_get_from_path(path);
	if (IS_ERR(group))
		return group;
	/*
	 * A group without an io controller has that of an ancestor, where the limits of
	 * the group cannot be written: the administrator has forgotten to enable it.
	 */
	css = cgroup_get_e_css(group, &io_cgrp_subsys);
	controls = css->cgroup == group;
	css_put(css);
	if (controls)
		return group;
	cgroup_put(group);
	return ERR_PTR(-ENXIO);
}

void io_group_put(struct cgroup *group)
{
	if (group)
		cgroup_put(group);
}

void io_group_charge(struct bio *bio, struct cgroup *group)
{
	struct cgroup_subsys_state *css = cgroup_get_e_css(group, &io_cgrp_subsys);

	/* The bio keeps what it needs of the controller. */
	bio_associate_blkg_from_css(bio, css);
	css_put(css);
}
#else
struct cgroup *io_group_get(const char *path)
{
	return ERR_PTR(-EOPNOTSUPP);
}

void io_group_put(struct cgroup *group)
{
}

void io_group_charge(struct bio *bio, struct cgroup *group)
{
}
#endif
