#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# replay.sh FOLDER TARGET... - run each fuzz target in FOLDER once on each file of its
# corpus, and print the results.  Each target counts as one test.
#
# A target without a corpus fails: nothing was tested.

folder=$1
shift
. ../../scripts/tally.sh
for target in "$@"; do
	log=$folder/replay-$target.log
	set -- "corpus/$target"/*
	[ -f "$1" ] || set --
	UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1} ASAN_OPTIONS=${ASAN_OPTIONS:-quarantine_size_mb=16} \
		timeout "${FUZZ_SECONDS:-120}" "$folder/fuzz-$target" -timeout=20 "$@" >"$log" 2>&1
	status=$?
	ran=$(grep -c '^Executed .* in [0-9]* ms' "$log")
	if [ $# -gt 0 ] && [ $status = 0 ] && [ "$ran" = $# ]; then
		echo "ok   fuzz $target: $ran files of the corpus"
		tally_passed
	else
		echo "FAIL fuzz $target: $ran of $# files of the corpus, status $status; $log ends with"
		tail -15 "$log"
		tally_failed
	fi
done
tally_end
