// SPDX-License-Identifier: GPL-2.0
/* log.c: the cases look for its lines in the kernel's log. */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/kmsg_dump.h>
#include <linux/ratelimit.h>

#include "host/log.h"

struct reader {
	struct kmsg_dump_iter iterator;
	char line[512];
};

/* Return: the next line of the log that contains @word, with its level in front, or NULL. */
static char *next_line(struct reader *reader, const char *word)
{
	size_t length;

	while (kmsg_dump_get_line(&reader->iterator, true, reader->line, sizeof(reader->line) - 1,
				  &length)) {
		reader->line[length] = '\0';
		strim(reader->line);
		if (strstr(reader->line, word))
			return reader->line;
	}
	return NULL;
}

/* A reader that skips all lines that are in the log already. */
static struct reader *reader_create(struct kunit *test)
{
	struct reader *reader = kunit_kzalloc(test, sizeof(*reader), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, reader);
	kmsg_dump_rewind(&reader->iterator);
	while (next_line(reader, ""))
		;
	return reader;
}

/* Return: the text of "<4>[  12.345678] text"; without a line, a text that no case expects. */
static const char *text_of(const char *line)
{
	const char *text = line ? strstr(line, "] ") : NULL;

	return text ? text + 2 : "(no line)";
}

static void each_level_is_the_kernels(struct kunit *test)
{
	static const enum host_log_level levels[] = { HOST_LOG_ALERT, HOST_LOG_ERROR,
						      HOST_LOG_WARNING, HOST_LOG_INFO };
	struct reader *reader = reader_create(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		char level[4] = { '<', '0' + levels[i], '>' };
		char *line;

		host_log(levels[i], "a line of kunit, number %d, %s", i, "and a word");
		line = next_line(reader, "line of kunit");
		KUNIT_ASSERT_NOT_NULL(test, line);
		KUNIT_EXPECT_TRUE_MSG(test, !strncmp(line, level, 3), "%s", line);
	}
}

static void line_begins_with_the_drivers_name(struct kunit *test)
{
	struct reader *reader = reader_create(test);

	host_log(HOST_LOG_INFO, "%s: ring %u of kunit", "backend/vbd/1/51712", 3);
	KUNIT_EXPECT_STREQ(test, "xen-blkback: backend/vbd/1/51712: ring 3 of kunit",
			   text_of(next_line(reader, "of kunit")));
	KUNIT_EXPECT_NULL(test, next_line(reader, "of kunit"));
}

/* Text that a guest wrote is not used as a format. */
static void percent_signs_in_arguments_are_text(struct kunit *test)
{
	struct reader *reader = reader_create(test);

	host_log(HOST_LOG_INFO, "kunit read '%s'", "%s%n%pV");
	KUNIT_EXPECT_STREQ(test, "xen-blkback: kunit read '%s%n%pV'",
			   text_of(next_line(reader, "kunit read")));
}

static void guests_cause_few_lines(struct kunit *test)
{
	struct reader *reader = reader_create(test);
	struct host_log_limit limit = {};
	char expected[128];
	int lines = 0;
	int i;

	for (i = 0; i < 1000; i++)
		host_log_limited(&limit, HOST_LOG_WARNING, "a guest of kunit wrote %d", i);
	while (next_line(reader, "guest of kunit"))
		lines++;
	KUNIT_EXPECT_GE(test, lines, 1);
	KUNIT_EXPECT_LE(test, lines, DEFAULT_RATELIMIT_BURST);

	/* Lines that no guest can cause are not limited. */
	host_log(HOST_LOG_INFO, "the host of kunit");
	KUNIT_EXPECT_NOT_NULL(test, next_line(reader, "host of kunit"));

	/* The next line tells how many lines were suppressed. */
	ssleep(DEFAULT_RATELIMIT_INTERVAL / HZ + 1);
	host_log_limited(&limit, HOST_LOG_WARNING, "later, a guest of kunit wrote %d", 7);
	snprintf(expected, sizeof(expected),
		 "xen-blkback: later, a guest of kunit wrote 7 (%d lines like it were suppressed)",
		 1000 - lines);
	KUNIT_EXPECT_STREQ(test, expected, text_of(next_line(reader, "guest of kunit")));
	host_log_limited(&limit, HOST_LOG_WARNING, "again, a guest of kunit wrote %d", 8);
	KUNIT_EXPECT_STREQ(test, "xen-blkback: again, a guest of kunit wrote 8",
			   text_of(next_line(reader, "guest of kunit")));
}

static void one_guest_silences_no_other(struct kunit *test)
{
	struct reader *reader = reader_create(test);
	struct host_log_limit loud = {};
	int i;

	for (i = 0; i < 1000; i++)
		host_log_limited(&loud, HOST_LOG_WARNING, "a loud guest wrote %d", i);
	/* Thirty disks that connect at once, on a machine with a loud guest. */
	for (i = 0; i < 30; i++) {
		struct host_log_limit quiet = {};

		host_log_limited(&quiet, HOST_LOG_INFO, "disk %d of a quiet guest", i);
		KUNIT_EXPECT_NOT_NULL(test, next_line(reader, "of a quiet guest"));
	}
}

static void format_is_cut_and_terminated(struct kunit *test)
{
	char text[8];

	memset(text, 'x', sizeof(text));
	KUNIT_EXPECT_EQ(test, 5, host_format(text, sizeof(text), "%d-%s", 42, "ab"));
	KUNIT_EXPECT_STREQ(test, "42-ab", text);
	KUNIT_EXPECT_EQ(test, 'x', text[7]);
	KUNIT_EXPECT_EQ(test, 7, host_format(text, sizeof(text), "%s", "0123456789"));
	KUNIT_EXPECT_STREQ(test, "0123456", text);
	KUNIT_EXPECT_EQ(test, 0, host_format(text, 1, "%s", "0123456789"));
	KUNIT_EXPECT_STREQ(test, "", text);
}

static struct kunit_case log_cases[] = {
	KUNIT_CASE(each_level_is_the_kernels),
	KUNIT_CASE(line_begins_with_the_drivers_name),
	KUNIT_CASE(percent_signs_in_arguments_are_text),
	KUNIT_CASE_SLOW(guests_cause_few_lines),
	KUNIT_CASE(one_guest_silences_no_other),
	KUNIT_CASE(format_is_cut_and_terminated),
	{},
};

static struct kunit_suite log_suite = {
	.name = "xen_blkback_linux_log",
	.test_cases = log_cases,
};

kunit_test_suite(log_suite);
