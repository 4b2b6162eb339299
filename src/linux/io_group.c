// SPDX-License-Identifier: GPL-2.0
#include <linux/cgroup.h>
#include <linux/err.h>

#include "io_group.h"

#ifdef CONFIG_BLK_CGROUP
struct cgroup_subsys_state *io_group_get(const char *path)
{
	struct cgroup_subsys_state *css;
	struct cgroup *group;

	group = cgroup_get_from_path(path);
	if (IS_ERR(group))
		return ERR_CAST(group);
	/*
	 * A group without an io controller has that of an ancestor, where the limits of
	 * the group cannot be written: the administrator has forgotten to enable it.
	 */
	css = cgroup_get_e_css(group, &io_cgrp_subsys);
	if (css->cgroup != group) {
		css_put(css);
		css = ERR_PTR(-ENXIO);
	}
	cgroup_put(group);
	return css;
}

void io_group_put(struct cgroup_subsys_state *group)
{
	if (group)
		css_put(group);
}
#else
struct cgroup_subsys_state *io_group_get(const char *path)
{
	return ERR_PTR(-EOPNOTSUPP);
}

void io_group_put(struct cgroup_subsys_state *group)
{
}
#endif
