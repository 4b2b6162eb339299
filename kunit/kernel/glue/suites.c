// SPDX-License-Identifier: GPL-2.0
/*
 * The suites of all cases.  list-cases.sh generates cases.h from kunit/cases: a
 * line SUITE(suite, CASE(suite, name) CASE(suite, name) ...) for each suite.
 */
#include <kunit/test.h>

#include "case.h"

#define SUITE(suite, cases) cases
#define CASE(suite, name)                                                                          \
	void kunit_case_##suite##_##name(void);                                                    \
	static void suite##_##name(struct kunit *test)                                             \
	{                                                                                          \
		kernel_case_run(test, kunit_case_##suite##_##name);                                \
	}
#include "cases.h"
#undef CASE
#undef SUITE

#define CASE(suite, case_name) { .run_case = suite##_##case_name, .name = #case_name },
#define SUITE(suite, cases)                                                                        \
	static struct kunit_case suite##_cases[] = { cases{} };                                    \
	static struct kunit_suite suite##_suite = {                                                \
		.name = #suite,                                                                    \
		.test_cases = suite##_cases,                                                       \
	};
#include "cases.h"
#undef SUITE

/* What kunit_test_suites() expands to; its arguments cannot come from a header. */
#define SUITE(suite, cases) &suite##_suite,
static struct kunit_suite *suites[] __used __aligned(sizeof(struct kunit_suite *))
	__section(".kunit_test_suites") = {
#include "cases.h"
	};
