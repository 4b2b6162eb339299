#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: debug
# lab: kunit
# KUnit's cases of src/linux in dom0, those that need Xen among them.
# shows: pages, grants, event channels and xenstore of the Linux side, case by case | yes
. /lab/dom0/lib.sh
module=/lab/kunit/xen-blkback-linux-kunit.ko
need insmod /lab/kunit/kunit.ko enable=1
# What the module says that it needs, with parameters.
modinfo -F kunit_needs $module >/tmp/needs
while read -r words; do
	# shellcheck disable=SC2086 # a list of words
	need modprobe $words
done </tmp/needs
need insmod $module
dmesg | sed -E 's/^\[ *[0-9.]+\] ?//' >/tmp/ktap
# Plans and results of suites (no indentation) and of their cases (four spaces).
# That of a case's parameters are deeper.
awk '
	/^1\.\.[0-9]+$/ { suites += substr($0, 4) }
	/^    1\.\.[0-9]+$/ { cases += substr($0, 8) }
	/^(not )?ok [0-9]+ / { suites_ended++ }
	/^    (not )?ok [0-9]+ / { cases_ended++ }
	/^    ok [0-9]+ .*# SKIP/ { skipped++ }
	/^ *not ok / { bad++ }
	END {
		print cases_ended + 0, "cases,", bad + 0, "failed,", skipped + 0, "skipped"
		exit !(suites && suites == suites_ended && cases && cases == cases_ended &&
			!bad && !skipped)
	}
' /tmp/ktap >/tmp/counts || {
	grep -B 12 'not ok' /tmp/ktap | tail -n 60
	fail "$(cat /tmp/counts)"
}
say "$(cat /tmp/counts)"
need rmmod xen_blkback_linux_kunit
for module in null_blk scsi_debug; do wait_for 10 rmmod $module || fail "$module is still in use"; done
passed
