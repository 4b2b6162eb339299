# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Sourced: counts tests.  Every suite of this project ends with the line
# "N passed, N failed" and with status 0 when all is well.

passed=0
failed=0

tally_passed() { passed=$((passed + 1)); }
tally_failed() { failed=$((failed + 1)); }

# tally_suite LOG STATUS: adds the counts with which the suite's LOG ends, and leaves
# them in "counts".  Returns 1 when LOG has none: the suite did not come to its end.
# A suite that failed without a failed test, or that has no test, counts as one failure.
tally_suite() {
	counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$1" | tail -1)
	if [ -z "$counts" ]; then
		tally_failed
		return 1
	fi
	tally_good=${counts%% passed*}
	tally_bad=${counts#*, }
	tally_bad=${tally_bad%% failed*}
	if [ "$tally_bad" = 0 ] && { [ "$2" != 0 ] || [ "$tally_good" = 0 ]; }; then tally_bad=1; fi
	passed=$((passed + tally_good))
	failed=$((failed + tally_bad))
}

# tally_end: the closing line, and the status for the caller to end with.
tally_end() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" != 0 ]
}
