// SPDX-License-Identifier: GPL-2.0
/*
 * The module's parameters, in /sys/module/xen_blkback/parameters; described in
 * Documentation/ABI/testing/sysfs-driver-xen-blkback.
 */
#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <xen/xen.h>
#include <xen/xenbus.h>

#include "driver.h"
#include "host/parameter.h"

#include "parameter.h"

/*
 * A number with bounds.  While the module is loaded, a number outside the bounds is
 * replaced by the nearest bound: if loading failed, dom0's guests would have no disks.
 * Once the module runs, such a number is refused and the old value stays.
 */
struct bounded {
	const char *name;
	unsigned int value;
	unsigned int minimum;
	unsigned int maximum;
	/*
	 * The in-tree driver's parameter is an int that is compared as unsigned:
	 * a negative number is above every bound.
	 */
	bool negative_is_most;
};

/* False while the command line's parameters are set, which is before driver_init(). */
static bool running;

/*
 * Return: 0; -ERANGE for a number outside the bounds, and @value is on the same side of
 * them; or another negative errno when @text is no number.
 */
static int bounded_parse(const struct bounded *bounded, const char *text, long long *value)
{
	int error = kstrtoll(text, 0, value);

	if (error == -ERANGE)
		*value = *skip_spaces(text) == '-' ? LLONG_MIN : LLONG_MAX;
	else if (error)
		return error;
	return *value < bounded->minimum || *value > bounded->maximum ? -ERANGE : 0;
}

static unsigned int bounded_nearest(const struct bounded *bounded, long long value)
{
	if (value < 0 && bounded->negative_is_most)
		return bounded->maximum;
	return value < bounded->minimum ? bounded->minimum : bounded->maximum;
}

static int bounded_set(const char *text, const struct kernel_param *parameter)
{
	struct bounded *bounded = parameter->arg;
	long long value;
	int error;

	error = bounded_parse(bounded, text, &value);
	if (error == -ERANGE && !running) {
		value = bounded_nearest(bounded, value);
		pr_warn("parameter %s: '%.32s' is not from %u to %u; %lld is taken\n",
			bounded->name, strim((char *)text), bounded->minimum, bounded->maximum,
			value);
	} else if (error) {
		pr_err("parameter %s: '%.32s' is not a number from %u to %u; it stays %u\n",
		       bounded->name, strim((char *)text), bounded->minimum, bounded->maximum,
		       bounded->value);
		return -EINVAL;
	}
	WRITE_ONCE(bounded->value, value);
	if (running)
		driver_parameters_changed();
	return 0;
}

static int bounded_get(char *buffer, const struct kernel_param *parameter)
{
	const struct bounded *bounded = parameter->arg;

	return sysfs_emit(buffer, "%u\n", READ_ONCE(bounded->value));
}

static const struct kernel_param_ops bounded_ops = {
	.set = bounded_set,
	.get = bounded_get,
};

enum { UNBOUNDED_IF_NEGATIVE = true, NEVER_NEGATIVE = false };

#define BOUNDED_PARAMETER(parameter, initial, lowest, highest, negative, mode, description)        \
	static struct bounded parameter = {                                                        \
		.name = #parameter,                                                                \
		.value = initial,                                                                  \
		.minimum = lowest,                                                                 \
		.maximum = highest,                                                                \
		.negative_is_most = negative,                                                      \
	};                                                                                         \
	module_param_cb(parameter, &bounded_ops, &parameter, mode);                                \
	__MODULE_PARM_TYPE(parameter, "uint");                                                     \
	MODULE_PARM_DESC(parameter, description)

/* 4 GiB of address space: more than a blkif can ever have mapped at once. */
#define MOST_PAGES (SZ_4G / HOST_PAGE_BYTES)

BOUNDED_PARAMETER(max_buffer_pages, 1024, 0, MOST_PAGES, UNBOUNDED_IF_NEGATIVE, 0644,
		  "Maximum number of unused free pages to keep in each block backend's buffer");
BOUNDED_PARAMETER(max_persistent_grants, 1056, 0, MOST_PAGES, UNBOUNDED_IF_NEGATIVE, 0644,
		  "Maximum number of grants to keep mapped persistently in each ring");
BOUNDED_PARAMETER(persistent_grant_unused_seconds, 60, 0, 1000000, NEVER_NEGATIVE, 0644,
		  "Seconds after which an unused persistent grant is unmapped; 0 never");
BOUNDED_PARAMETER(max_queues, 0, 0, 1024, NEVER_NEGATIVE, 0644,
		  "Maximum number of queues per virtual disk; 0 is the number of online CPUs");
BOUNDED_PARAMETER(max_ring_page_order, XENBUS_MAX_RING_GRANT_ORDER, 0, XENBUS_MAX_RING_GRANT_ORDER,
		  UNBOUNDED_IF_NEGATIVE, 0444,
		  "Maximum order of the number of pages of a shared ring");
BOUNDED_PARAMETER(buffer_squeeze_duration_ms, 10, 0, 1000000, NEVER_NEGATIVE, 0644,
		  "Milliseconds for which buffers stay empty after memory pressure");
BOUNDED_PARAMETER(max_guest_memory_kb, 0, 0, SZ_1G, NEVER_NEGATIVE, 0644,
		  "Maximum memory in KiB that a guest's disks cost beyond their floors; 0 none");
BOUNDED_PARAMETER(grant_copy_bytes, 0, 0, 11 * HOST_PAGE_BYTES, NEVER_NEGATIVE, 0644,
		  "Copy requests up to this size instead of mapping their grants; 0 none");
BOUNDED_PARAMETER(log_stats, 0, 0, INT_MAX, UNBOUNDED_IF_NEGATIVE, 0644,
		  "Log each ring's statistics every 10 seconds of activity, and at its end");

static bool feature_persistent = true;
module_param(feature_persistent, bool, 0644);
MODULE_PARM_DESC(feature_persistent,
		 "Offer persistent grants to frontends; looked at when one connects");

void host_parameters_read(struct host_parameters *parameters)
{
	*parameters = (struct host_parameters){
		.max_buffer_pages = READ_ONCE(max_buffer_pages.value),
		.max_persistent_grants = READ_ONCE(max_persistent_grants.value),
		.persistent_grant_unused_seconds = READ_ONCE(persistent_grant_unused_seconds.value),
		.max_queues = READ_ONCE(max_queues.value) ?: num_online_cpus(),
		.max_ring_page_order = READ_ONCE(max_ring_page_order.value),
		.buffer_squeeze_duration_ms = READ_ONCE(buffer_squeeze_duration_ms.value),
		.max_guest_memory_kb = READ_ONCE(max_guest_memory_kb.value),
		.grant_copy_bytes = READ_ONCE(grant_copy_bytes.value),
		.log_stats = READ_ONCE(log_stats.value) != 0,
		.feature_persistent = READ_ONCE(feature_persistent),
		.x86 = IS_ENABLED(CONFIG_X86),
		.initial_domain = xen_initial_domain(),
	};
}

void parameter_init(void)
{
	/* As with the in-tree driver, the file shows the number of CPUs that 0 stands for. */
	if (!max_queues.value)
		max_queues.value = num_online_cpus();
	running = true;
}
