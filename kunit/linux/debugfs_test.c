// SPDX-License-Identifier: GPL-2.0
/* debugfs.c: its files, with what the stand-in for the core says, and their end. */
#include <kunit/test.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/string.h>

#include "core.h"
#include "debugfs.h"
#include "fake_device.h"
#include "watch_thread.h"

#define ROOT "/sys/kernel/debug/xen-blkback-kunit"

/* The fake device's directory does not end with the number of a disk: that is 0 here. */
static const char *path_of(struct kunit *test, struct fake_device *fake, const char *name)
{
	char *path = kunit_kzalloc(test, PATH_MAX, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, path);
	snprintf(path, PATH_MAX, ROOT "/%u.0/%s", fake->host->domid, name);
	return path;
}

static const char *read_open(struct kunit *test, struct file *file)
{
	char *text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	loff_t position = 0;
	ssize_t length;

	KUNIT_ASSERT_NOT_NULL(test, text);
	length = kernel_read(file, text, PAGE_SIZE - 1, &position);
	if (length < 0)
		snprintf(text, PAGE_SIZE, "(error %zd)", length);
	return text;
}

static const char *read_path(struct kunit *test, const char *path)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	const char *text;

	if (IS_ERR(file))
		return "(no file)";
	text = read_open(test, file);
	filp_close(file, NULL);
	return text;
}

static void files_show_what_the_core_says(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test);
	const char *text;

	blkback_debug_show(fake->host);
	text = read_path(test, path_of(test, fake, "connection"));
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(text, "rings: 2\nring pages: 1\nring slots: 32\n"),
				  "%s", text);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "protocol: x86_64-abi\n"));
	text = read_path(test, path_of(test, fake, "memory"));
	KUNIT_EXPECT_STREQ(test, text,
			   "guest: 4096\nfloors: 8192\nbeyond floors: 1024\ncap: 16384\n"
			   "refused: 3\n");
	text = read_path(test, path_of(test, fake, "rings"));
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(text, "ring=1 serving slots=32 req_prod=11 "), "%s",
				  text);
	text = read_path(test, path_of(test, fake, "requests"));
	KUNIT_EXPECT_STREQ(test, text,
			   "ring=0 write sector=8 sectors=16 segments=2 age_us=17 disk_us=-\n"
			   "ring=1 write sector=8 sectors=16 segments=2 age_us=17 disk_us=5\n");
	blkback_debug_hide(fake->host);
	KUNIT_EXPECT_STREQ(test, "(no file)", read_path(test, path_of(test, fake, "rings")));
}

/* The core is not asked about a device that is gone. */
static void open_file_of_a_device_that_is_gone_reads_an_error(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test);
	struct file *file;

	blkback_debug_show(fake->host);
	file = filp_open(path_of(test, fake, "rings"), O_RDONLY, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	blkback_debug_hide(fake->host);
	KUNIT_EXPECT_STREQ(test, "(error -5)", read_open(test, file));
	filp_close(file, NULL);
}

/* It shows the moment of its first read. */
static void file_that_was_read_stays_readable(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test);
	const char *before;
	struct file *file;

	blkback_debug_show(fake->host);
	file = filp_open(path_of(test, fake, "rings"), O_RDONLY, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	before = read_open(test, file);
	blkback_debug_hide(fake->host);
	KUNIT_EXPECT_STREQ(test, before, read_open(test, file));
	filp_close(file, NULL);
}

/* The case runs in a kernel thread, as the watches do. */
static void longest_hold_of_the_watch_thread_is_shown(struct kunit *test)
{
	static const char path[] = ROOT "/watch_thread";
	unsigned int before, after;
	struct file *file;
	loff_t position = 0;
	u64 entered_ns;
	char what[16];

	file = filp_open(path, O_WRONLY, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	KUNIT_EXPECT_EQ(test, 1, kernel_write(file, "0", 1, &position));
	filp_close(file, NULL);
	KUNIT_EXPECT_STREQ(test, "longest_us: 0\nin: -\n", read_path(test, path));

	entered_ns = watch_thread_enter();
	msleep(20);
	watch_thread_leave(entered_ns, "probe");
	KUNIT_EXPECT_EQ(test, 2,
			sscanf(read_path(test, path), "longest_us: %u\nin: %15s", &before, what));
	KUNIT_EXPECT_GE(test, before, 20000u);
	KUNIT_EXPECT_STREQ(test, "probe", what);

	/* A shorter one changes nothing. */
	watch_thread_leave(watch_thread_enter(), "remove");
	KUNIT_EXPECT_EQ(test, 2,
			sscanf(read_path(test, path), "longest_us: %u\nin: %15s", &after, what));
	KUNIT_EXPECT_EQ(test, before, after);
	KUNIT_EXPECT_STREQ(test, "probe", what);
}

static int debugfs_case_init(struct kunit *test)
{
	struct file *root;

	blkback_debug_init("xen-blkback-kunit");
	root = filp_open(ROOT, O_RDONLY | O_DIRECTORY, 0);
	if (!IS_ERR(root)) {
		filp_close(root, NULL);
		return 0;
	}
	blkback_debug_exit();
	kunit_skip(test, "debugfs is not mounted");
	return 0;
}

static void debugfs_case_exit(struct kunit *test)
{
	blkback_debug_exit();
}

static struct kunit_case debugfs_cases[] = {
	KUNIT_CASE(files_show_what_the_core_says),
	KUNIT_CASE(open_file_of_a_device_that_is_gone_reads_an_error),
	KUNIT_CASE(file_that_was_read_stays_readable),
	KUNIT_CASE(longest_hold_of_the_watch_thread_is_shown),
	{},
};

static struct kunit_suite debugfs_suite = {
	.name = "xen_blkback_linux_debugfs",
	.init = debugfs_case_init,
	.exit = debugfs_case_exit,
	.test_cases = debugfs_cases,
};

kunit_test_suite(debugfs_suite);
