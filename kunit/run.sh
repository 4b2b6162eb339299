#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# run.sh RUNNER [ARGUMENT...] - run the cases and sum up.
#
# The runner notes each case at its start and its end, so that a sanitizer's
# abort in the middle is counted as a failure of the case that ran, and those
# that did not run any more count as failed, too.  A case that never ends is
# stopped.

runner=$1
shift
notes=$runner.notes
rm -f "$notes"
UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1} KUNIT_NOTES=$notes \
	timeout "${KUNIT_SECONDS:-120}" "$runner" "$@"
status=$?
[ -f "$notes" ] || : >"$notes"

awk -v status="$status" '
	$1 == "planned" { planned = $2 }
	$1 == "started" { running = $2 }
	$1 == "passed" { ++passed; running = "" }
	$1 == "failed" { ++failed; running = "" }
	END {
		passed += 0
		failed += 0
		done = passed + failed
		if (running != "") print "[  FAILED  ] " running " (" (status == 124 ? "it did not end" : "it ended the run") ")"
		if (done < planned) {
			missing = planned - done
			if (running == "" || missing > 1)
				print "[  FAILED  ] " missing - (running != "") " cases did not run"
			failed += missing
		}
		if (planned == 0) print "[  FAILED  ] no case ran"
		if (status != 0 && failed == 0 && planned != 0) {
			print "[  FAILED  ] the run ended with status " status
			failed = 1
		}
		print passed " passed, " failed " failed"
		exit(failed != 0 || passed == 0 || status != 0)
	}' "$notes"
