#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# run.sh RUNNER [ARGUMENT...] - run the cases and sum up.
#
# The runner notes the start and the end of each case.  If a sanitizer aborts the
# run, the case that was running counts as failed, and so does each case that did
# not run.  A run is stopped after KUNIT_SECONDS (600 by default: a busy machine is slow).

runner=$1
shift
notes=$runner.notes
rm -f "$notes"
UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1} KUNIT_NOTES=$notes \
	timeout "${KUNIT_SECONDS:-600}" "$runner" "$@"
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
