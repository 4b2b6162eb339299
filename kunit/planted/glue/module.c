// SPDX-License-Identifier: GPL-2.0
/*
 * Makes one of the deliberate mistakes when it is loaded: bug=NAME.
 */
#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#include "../planted.h"

static char *bug = "";
module_param(bug, charp, 0);
MODULE_PARM_DESC(bug, "the mistake to make");

#define PLANTED_RACES 3000000

static uint64_t planted_counter;

static int planted_racer(void *done)
{
	int i;

	for (i = 0; i < PLANTED_RACES; ++i)
		planted_race(&planted_counter);
	complete(done);
	return 0;
}

static int planted_race_both(void)
{
	DECLARE_COMPLETION_ONSTACK(done);
	struct task_struct *threads[2];
	int i, started = 0;

	for (i = 0; i < 2; ++i) {
		threads[i] = kthread_run(planted_racer, &done, "planted-race-%d", i);
		if (!IS_ERR(threads[i]))
			++started;
	}
	for (i = 0; i < started; ++i)
		wait_for_completion(&done);
	return started == 2 ? 0 : -ENOMEM;
}

static int __init planted_init(void)
{
	pr_info("planting: %s\n", bug);
	if (!strcmp(bug, "out-of-bounds"))
		planted_out_of_bounds(24);
	else if (!strcmp(bug, "use-after-free"))
		planted_use_after_free(24);
	else if (!strcmp(bug, "array-index"))
		planted_array_index(5);
	else if (!strcmp(bug, "race"))
		return planted_race_both();
	else if (!strcmp(bug, "lock-inversion"))
		planted_lock_inversion();
	else if (!strcmp(bug, "leak"))
		planted_leak(1000);
	else if (!strcmp(bug, "sleep-in-atomic"))
		planted_sleep_in_atomic();
	else
		return -EINVAL;
	return 0;
}
module_init(planted_init);

static void __exit planted_exit(void)
{
}
module_exit(planted_exit);

MODULE_DESCRIPTION("Mistakes on purpose, for the tools that look for them");
MODULE_LICENSE("GPL");
