// SPDX-License-Identifier: GPL-2.0
/* survey.c: the survey goes on as long as driver_survey() returns true, and no longer. */
#include <kunit/test.h>

#include "core.h"
#include "host/survey.h"
#include "survey.h"
#include "work.h"

static int surveys(void)
{
	return atomic_read(&test_calls.surveys);
}

/* Only CPUs that are awake run deferrable timers: short sleeps keep this CPU awake. */
static void pass_time(unsigned int seconds)
{
	unsigned long end = jiffies + seconds * HZ;

	while (time_before(jiffies, end))
		usleep_range(1000, 2000);
}

static void goes_on_as_long_as_it_is_wanted(struct kunit *test)
{
	int before = surveys();

	WRITE_ONCE(test_calls.survey_goes_on, true);
	host_survey_start();
	pass_time(4);
	KUNIT_EXPECT_GE(test, surveys() - before, 2);

	/* Each CPU calls driver_survey() once more at most. */
	WRITE_ONCE(test_calls.survey_goes_on, false);
	pass_time(3);
	before = surveys();
	pass_time(3);
	KUNIT_EXPECT_EQ(test, before, surveys());
}

static void starting_twice_is_starting_once(struct kunit *test)
{
	int before;
	int i;

	WRITE_ONCE(test_calls.survey_goes_on, true);
	for (i = 0; i < 100; i++)
		host_survey_start();
	before = surveys();
	pass_time(3);
	KUNIT_EXPECT_LE(test, surveys() - before, 4 * num_possible_cpus());
	WRITE_ONCE(test_calls.survey_goes_on, false);
	pass_time(3);
}

static void nothing_runs_after_the_end(struct kunit *test)
{
	int before;

	WRITE_ONCE(test_calls.survey_goes_on, true);
	host_survey_start();
	survey_exit();
	before = surveys();
	pass_time(3);
	KUNIT_EXPECT_EQ(test, before, surveys());
	WRITE_ONCE(test_calls.survey_goes_on, false);
	survey_init();
}

static int survey_suite_init(struct kunit_suite *suite)
{
	int error = work_init();

	if (!error)
		survey_init();
	return error;
}

static void survey_suite_exit(struct kunit_suite *suite)
{
	survey_exit();
	work_exit();
}

static struct kunit_case survey_cases[] = {
	KUNIT_CASE_SLOW(goes_on_as_long_as_it_is_wanted),
	KUNIT_CASE_SLOW(starting_twice_is_starting_once),
	KUNIT_CASE_SLOW(nothing_runs_after_the_end),
	{},
};

static struct kunit_suite survey_suite = {
	.name = "xen_blkback_linux_survey",
	.suite_init = survey_suite_init,
	.suite_exit = survey_suite_exit,
	.test_cases = survey_cases,
};

kunit_test_suite(survey_suite);
