// SPDX-License-Identifier: GPL-2.0
/* The services of the kernel that the cases need. */
#include <kunit/test.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "case.h"
#include "harness.h"

static unsigned long long seed;
module_param(seed, ullong, 0444);
MODULE_PARM_DESC(seed, "seed of the random numbers, to repeat a run (0: of the moment)");

/* KUnit runs one case at a time. */
static struct kunit *running;

void kernel_case_run(struct kunit *test, void (*body)(void))
{
	running = test;
	harness_run_case(body);
	running = NULL;
}

void *harness_alloc(size_t bytes, size_t alignment)
{
	void *memory;

	/* A case may run for long, and the kernel may not preempt it. */
	cond_resched();
	/* kmalloc() aligns memory to its size only when that is a power of two. */
	if (alignment > ARCH_KMALLOC_MINALIGN && !is_power_of_2(bytes))
		memory = vmalloc(bytes);
	else
		memory = kvmalloc(bytes, GFP_KERNEL);
	if (!memory)
		harness_end("there is no memory");
	return memory;
}

void harness_free(void *memory)
{
	kvfree(memory);
}

void harness_fail(const char *file, int line, const char *text)
{
	KUNIT_FAIL(running, "%s:%d: %s", file, line, text);
}

void harness_end(const char *why)
{
	KUNIT_FAIL(running, "the case ended in the middle: %s", why);
	kunit_try_catch_throw(&running->try_catch);
}

void harness_say(const char *format, ...)
{
	struct va_format text = { .fmt = format };
	va_list arguments;

	va_start(arguments, format);
	text.va = &arguments;
	kunit_info(running, "%pV", &text);
	va_end(arguments);
}

bool harness_failed(void)
{
	return READ_ONCE(running->status) == KUNIT_FAILURE;
}

uint64_t harness_seed(void)
{
	return seed;
}

/* KUnit runs the suites after this returns. */
static int __init harness_init(void)
{
	if (!seed)
		seed = get_random_u32();
	pr_info("%s: seed=%llu\n", KBUILD_MODNAME, seed);
	return 0;
}
module_init(harness_init);

static void __exit harness_exit(void)
{
}
module_exit(harness_exit);

MODULE_DESCRIPTION("Test cases of the Xen block backend's core");
MODULE_LICENSE("GPL");
