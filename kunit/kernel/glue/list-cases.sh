#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Prints cases.h, which kunit/kernel/glue/suites.c includes: the suites and cases of
# the given sources, one suite a line.  A TEST line that this script cannot parse is an
# error.  No case at all is an error, too.
#
# usage: list-cases.sh SOURCE...
set -eu

awk '
	/^[ \t]*TEST(_[A-Z]+)?\(/ {
		if (!match($0, /^TEST\([A-Za-z0-9]+, [A-Za-z0-9]+\) \{/)) {
			print FILENAME ":" FNR ": no case that list-cases.sh knows: " $0 >"/dev/stderr"
			bad = 1
			next
		}
		split($0, part, /[(,)] */)
		suite = part[2]
		if (!(suite in cases)) order[++suites] = suite
		cases[suite] = cases[suite] " CASE(" suite ", " part[3] ")"
	}
	END {
		if (suites == 0) print "list-cases.sh: no cases" >"/dev/stderr"
		if (bad || suites == 0) exit 1
		for (i = 1; i <= suites; i++) print "SUITE(" order[i] "," cases[order[i]] ")"
	}' "$@"
