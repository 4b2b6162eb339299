// SPDX-License-Identifier: GPL-2.0
/*
 * The survey of all disks, about once a second.
 *
 * A deferrable timer does not wake an idle CPU, and a CPU that is awake does not run
 * the timer of an idle CPU.  So each CPU has its own timer: the survey goes on while
 * any CPU is awake.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/workqueue.h>

#include "driver.h"
#include "host/survey.h"

#include "survey.h"

#define SURVEY_INTERVAL HZ

struct survey {
	struct delayed_work work;
	int cpu;
};

static DEFINE_PER_CPU(struct survey, surveys);

/*
 * Not on an unbound workqueue, which would wake idle CPUs.  The work is short and does
 * not wait, except for a CPU that goes on- or offline.
 */
static void survey_start(struct survey *survey)
{
	schedule_delayed_work_on(survey->cpu, &survey->work, SURVEY_INTERVAL);
}

static void survey_function(struct work_struct *work)
{
	struct survey *survey = container_of(to_delayed_work(work), struct survey, work);

	if (!driver_survey())
		return;
	/* The timer of an offline CPU is started again by a connection after the CPU is back. */
	cpus_read_lock();
	if (cpu_online(survey->cpu))
		survey_start(survey);
	cpus_read_unlock();
}

void host_survey_start(void)
{
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu) survey_start(per_cpu_ptr(&surveys, cpu));
	cpus_read_unlock();
}

void survey_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct survey *survey = per_cpu_ptr(&surveys, cpu);

		survey->cpu = cpu;
		INIT_DEFERRABLE_WORK(&survey->work, survey_function);
	}
}

/* Call when no device is left that could start the survey again. */
void survey_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		cancel_delayed_work_sync(&per_cpu_ptr(&surveys, cpu)->work);
}
