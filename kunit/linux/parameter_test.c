// SPDX-License-Identifier: GPL-2.0
/* parameter.c: written as sysfs does, through the module's table of parameters. */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/sizes.h>

#include "core.h"
#include "host/parameter.h"
#include "parameter.h"

static const struct kernel_param *find(struct kunit *test, const char *name)
{
	unsigned int i;

	for (i = 0; i < THIS_MODULE->num_kp; i++)
		if (!strcmp(THIS_MODULE->kp[i].name, name))
			return &THIS_MODULE->kp[i];
	KUNIT_FAIL_AND_ABORT(test, "there is no parameter %s", name);
	return NULL;
}

static int write(struct kunit *test, const char *name, const char *value)
{
	const struct kernel_param *parameter = find(test, name);
	char *text = kstrdup(value, GFP_KERNEL);
	int error;

	KUNIT_ASSERT_NOT_NULL(test, text);
	kernel_param_lock(THIS_MODULE);
	error = parameter->ops->set(text, parameter);
	kernel_param_unlock(THIS_MODULE);
	kfree(text);
	return error;
}

/* Return: the text of the parameter's file, in a page like that of sysfs. */
static char *read(struct kunit *test, const char *name)
{
	const struct kernel_param *parameter = find(test, name);
	char *page = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_GT(test, parameter->ops->get(page, parameter), 0);
	return page;
}

static struct host_parameters values(void)
{
	struct host_parameters parameters;

	memset(&parameters, 0xff, sizeof(parameters));
	host_parameters_read(&parameters);
	return parameters;
}

static void names_and_defaults_are_as_documented(struct kunit *test)
{
	struct host_parameters v = values();

	KUNIT_EXPECT_EQ(test, 10, THIS_MODULE->num_kp);
	KUNIT_EXPECT_EQ(test, 1024, v.max_buffer_pages);
	KUNIT_EXPECT_EQ(test, 1056, v.max_persistent_grants);
	KUNIT_EXPECT_EQ(test, 60, v.persistent_grant_unused_seconds);
	KUNIT_EXPECT_EQ(test, num_online_cpus(), v.max_queues);
	KUNIT_EXPECT_EQ(test, 4, v.max_ring_page_order);
	KUNIT_EXPECT_EQ(test, 10, v.buffer_squeeze_duration_ms);
	KUNIT_EXPECT_EQ(test, 0, v.max_guest_memory_kb);
	KUNIT_EXPECT_EQ(test, 0, v.grant_copy_bytes);
	KUNIT_EXPECT_EQ(test, 0, v.log_stats);
	KUNIT_EXPECT_EQ(test, 1, v.feature_persistent);
}

static void value_is_taken_and_the_core_told(struct kunit *test)
{
	int calls = atomic_read(&test_calls.parameters_changed);

	KUNIT_EXPECT_EQ(test, 0, write(test, "max_buffer_pages", "17"));
	KUNIT_EXPECT_EQ(test, calls + 1, atomic_read(&test_calls.parameters_changed));
	KUNIT_EXPECT_EQ(test, 17, values().max_buffer_pages);
	KUNIT_EXPECT_STREQ(test, "17\n", read(test, "max_buffer_pages"));
	KUNIT_EXPECT_EQ(test, 0, write(test, "max_buffer_pages", "0x400"));
	KUNIT_EXPECT_EQ(test, 1024, values().max_buffer_pages);
	KUNIT_EXPECT_EQ(test, 0, write(test, "max_buffer_pages", "1024\n"));
}

/* The ends of each range are accepted, the numbers beside them are refused. */
static void bounds_are_as_documented(struct kunit *test)
{
	static const struct {
		const char *name;
		const char *least, *below, *most, *above, *initial;
	} table[] = {
		{ "max_buffer_pages", "0", "-1", "1048576", "1048577", "1024" },
		{ "max_persistent_grants", "0", "-1", "1048576", "1048577", "1056" },
		{ "persistent_grant_unused_seconds", "0", "-1", "1000000", "1000001", "60" },
		{ "max_queues", "0", "-1", "1024", "1025", "0" },
		{ "max_ring_page_order", "0", "-1", "4", "5", "4" },
		{ "buffer_squeeze_duration_ms", "0", "-1", "1000000", "1000001", "10" },
		{ "max_guest_memory_kb", "0", "-1", "1073741824", "1073741825", "0" },
		{ "grant_copy_bytes", "0", "-1", "45056", "45057", "0" },
		{ "log_stats", "0", "-1", "2147483647", "2147483648", "0" },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		KUNIT_EXPECT_EQ(test, 0, write(test, table[i].name, table[i].least));
		KUNIT_EXPECT_EQ(test, 0, write(test, table[i].name, table[i].most));
		KUNIT_EXPECT_EQ(test, -EINVAL, write(test, table[i].name, table[i].below));
		KUNIT_EXPECT_EQ(test, -EINVAL, write(test, table[i].name, table[i].above));
		KUNIT_EXPECT_EQ(test, 0,
				strncmp(read(test, table[i].name), table[i].most,
					strlen(table[i].most)));
		KUNIT_EXPECT_EQ(test, 0, write(test, table[i].name, table[i].initial));
	}
}

static void refused_value_changes_nothing(struct kunit *test)
{
	static const char *const wrong[] = { "",     "\n",  "x",  "1x",	 "1 2",
					     "1.5",  "+",   "0x", "1e3", "99999999999999999999",
					     "true", "%s%n" };
	int calls = atomic_read(&test_calls.parameters_changed);
	int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, write(test, "max_persistent_grants", wrong[i]),
				    "'%s'", wrong[i]);
	KUNIT_EXPECT_EQ(test, 1056, values().max_persistent_grants);
	KUNIT_EXPECT_EQ(test, calls, atomic_read(&test_calls.parameters_changed));
}

/* The message cuts the text that it quotes.  KASAN would report an overrun. */
static void long_nonsense_is_refused(struct kunit *test)
{
	char *text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	memset(text, '1', PAGE_SIZE - 1);
	KUNIT_EXPECT_EQ(test, -EINVAL, write(test, "max_queues", text));
	memset(text, ' ', PAGE_SIZE - 1);
	KUNIT_EXPECT_EQ(test, -EINVAL, write(test, "max_queues", text));
}

static void no_queues_are_as_many_as_cpus(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, write(test, "max_queues", "3"));
	KUNIT_EXPECT_EQ(test, 3, values().max_queues);
	KUNIT_EXPECT_EQ(test, 0, write(test, "max_queues", "0"));
	KUNIT_EXPECT_EQ(test, num_online_cpus(), values().max_queues);
}

static void any_log_stats_is_yes(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, write(test, "log_stats", "256"));
	KUNIT_EXPECT_EQ(test, 1, values().log_stats);
	KUNIT_EXPECT_EQ(test, 0, write(test, "log_stats", "0"));
	KUNIT_EXPECT_EQ(test, 0, values().log_stats);
}

static void persistence_is_a_switch(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, write(test, "feature_persistent", "n"));
	KUNIT_EXPECT_EQ(test, 0, values().feature_persistent);
	KUNIT_EXPECT_EQ(test, -EINVAL, write(test, "feature_persistent", "perhaps"));
	KUNIT_EXPECT_EQ(test, 0, write(test, "feature_persistent", "1"));
	KUNIT_EXPECT_EQ(test, 1, values().feature_persistent);
}

/* A ring's order is fixed when the module is loaded. */
static void files_are_writable_but_the_ring_order(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < THIS_MODULE->num_kp; i++) {
		const struct kernel_param *p = &THIS_MODULE->kp[i];
		bool fixed = !strcmp(p->name, "max_ring_page_order");

		KUNIT_EXPECT_EQ_MSG(test, fixed ? 0444 : 0644, p->perm, "%s", p->name);
	}
}

/* Before parameter_init(), as when the module is loaded. */
static void loading_takes_the_nearest_number(struct kunit *test)
{
	static const struct {
		const char *name, *given, *taken, *initial;
	} table[] = {
		{ "max_buffer_pages", "1048577", "1048576", "1024" },
		{ "max_buffer_pages", "-1", "1048576", "1024" },
		{ "max_persistent_grants", "2000000000", "1048576", "1056" },
		{ "max_persistent_grants", "-1", "1048576", "1056" },
		{ "persistent_grant_unused_seconds", "4294967295", "1000000", "60" },
		{ "persistent_grant_unused_seconds", "-1", "0", "60" },
		{ "max_queues", "1025", "1024", "0" },
		{ "max_queues", "-1", "0", "0" },
		{ "max_ring_page_order", "8", "4", "4" },
		{ "max_ring_page_order", "-1", "4", "4" },
		{ "buffer_squeeze_duration_ms", "1000001", "1000000", "10" },
		{ "buffer_squeeze_duration_ms", "-5", "0", "10" },
		{ "max_guest_memory_kb", "1073741825", "1073741824", "0" },
		{ "max_guest_memory_kb", "-1", "0", "0" },
		{ "log_stats", "2147483648", "2147483647", "0" },
		{ "log_stats", "-1", "2147483647", "0" },
		/* Numbers beyond a long long, and the largest long long. */
		{ "max_queues", "99999999999999999999", "1024", "0" },
		{ "max_queues", "-99999999999999999999", "0", "0" },
		{ "max_buffer_pages", "-99999999999999999999", "1048576", "1024" },
		{ "max_queues", "0x7fffffffffffffff", "1024", "0" },
	};
	int calls = atomic_read(&test_calls.parameters_changed);
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		KUNIT_EXPECT_EQ_MSG(test, 0, write(test, table[i].name, table[i].given), "%s=%s",
				    table[i].name, table[i].given);
		KUNIT_EXPECT_STREQ_MSG(test, table[i].taken, strim(read(test, table[i].name)),
				       "%s=%s", table[i].name, table[i].given);
		KUNIT_EXPECT_EQ(test, 0, write(test, table[i].name, table[i].initial));
	}
	/* The core is not told before parameter_init(). */
	KUNIT_EXPECT_EQ(test, calls, atomic_read(&test_calls.parameters_changed));
}

/* As with the in-tree driver, loading fails: the administrator meant something else. */
static void loading_refuses_what_is_no_number(struct kunit *test)
{
	static const char *const wrong[] = { "", "x", "1x", "1 2", "true", "--1", "- 1" };
	int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, write(test, "max_queues", wrong[i]), "'%s'",
				    wrong[i]);
}

static int parameter_suite_init(struct kunit_suite *suite)
{
	parameter_init();
	return 0;
}

static struct kunit_case loading_cases[] = {
	KUNIT_CASE(loading_takes_the_nearest_number),
	KUNIT_CASE(loading_refuses_what_is_no_number),
	{},
};

static struct kunit_suite loading_suite = {
	.name = "xen_blkback_linux_parameter_loading",
	.test_cases = loading_cases,
};

static struct kunit_case parameter_cases[] = {
	KUNIT_CASE(names_and_defaults_are_as_documented),
	KUNIT_CASE(value_is_taken_and_the_core_told),
	KUNIT_CASE(bounds_are_as_documented),
	KUNIT_CASE(refused_value_changes_nothing),
	KUNIT_CASE(long_nonsense_is_refused),
	KUNIT_CASE(no_queues_are_as_many_as_cpus),
	KUNIT_CASE(any_log_stats_is_yes),
	KUNIT_CASE(persistence_is_a_switch),
	KUNIT_CASE(files_are_writable_but_the_ring_order),
	{},
};

static struct kunit_suite parameter_suite = {
	.name = "xen_blkback_linux_parameter",
	.suite_init = parameter_suite_init,
	.test_cases = parameter_cases,
};

/* The order matters: the second suite calls parameter_init(), which ends the loading. */
kunit_test_suites(&loading_suite, &parameter_suite);
