// SPDX-License-Identifier: GPL-2.0
#include <linux/init.h>
#include <linux/module.h>
#include <xen/xen.h>

#include "driver.h"

#include "debugfs.h"
#include "discard.h"
#include "disk_events.h"
#include "parameter.h"
#include "survey.h"
#include "version.h"
#include "work.h"
#include "xenbus.h"

static int __init blkback_init(void)
{
	int error;

	if (!xen_domain()) {
		pr_err("not running on Xen: there are no guests to serve disks to\n");
		return -ENODEV;
	}

	error = discards_init();
	if (error)
		return error;
	/* After discards_init(), as work_exit() comes before discards_exit(). */
	error = work_init();
	if (error)
		goto undo_discards;
	driver_init();
	parameter_init();
	survey_init();
	blkback_debug_init("xen-blkback");
	error = disk_events_init();
	if (error)
		goto undo_survey;
	error = xenbus_init_driver();
	if (error)
		goto undo_events;
	pr_info("version %s\n", BLKBACK_VERSION);
	return 0;

undo_events:
	disk_events_exit();
undo_survey:
	blkback_debug_exit();
	survey_exit();
	work_exit();
undo_discards:
	discards_exit();
	return error;
}
module_init(blkback_init);

static void __exit blkback_exit(void)
{
	xenbus_exit_driver();
	disk_events_exit();
	blkback_debug_exit();
	survey_exit();
	/* Before discards_exit(): work of a device may wait for a discard's submission. */
	work_exit();
	discards_exit();
}
module_exit(blkback_exit);

MODULE_DESCRIPTION("Xen block backend");
MODULE_LICENSE("GPL");
MODULE_VERSION(BLKBACK_VERSION);
MODULE_ALIAS("xen-backend:vbd");
