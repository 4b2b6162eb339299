#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The table of features, made from the scenarios' headers and from what the lab
# said of them.
#
# usage: features.sh LOG...      (what "lab matrix" printed) > features.md
#        features.sh --check FILE [LOG...]
#
# A scenario says "# shows: FEATURE | THE KERNEL'S OWN DRIVER".  The second form
# fails when
#   - FILE has other rows than the headers;
#   - a row says that its scenario fails, or says nothing else than that it was not
#     run, unless that is one of the rare ones or of a debug kernel's, which "make
#     check" does not run;
#   - a row says "yes" for a kernel on which, as LOG has it, the scenario failed;
#   - a row says that its scenario was not run, but LOG that it passed.
# It is no mistake that a row lacks a kernel on which LOG says that the scenario
# passed: the shares of "make check" give a scenario to another kernel whenever
# there is a new one.  Nor that it says "yes" for a kernel that LOG does not name:
# results may be older than the last run.
set -eu

cd "$(dirname "$0")/.."

rows() { # SCENARIO <tab> FEATURE <tab> THE KERNEL'S OWN DRIVER
	grep -H '^# shows: ' scripts/lab/scenarios/*.sh |
		sed -E 's%^.*/([a-z0-9_]+)\.sh:# shows: (.*) \| (.*)$%\1\t\2\t\3%'
}

# results WORD SCENARIO LOG...: the kernels on which it was so, one a line.
results() {
	local word=$1 scenario=$2
	shift 2
	[ $# = 0 ] || awk -v w="$word" -v s="$scenario" '$1 == w && $3 == s { print $2 }' "$@" | sort -Vu
}

# check_row OURS SCENARIO LOG...: says what is wrong with it.
check_row() {
	local ours=$1 scenario=$2 kernel passed
	shift 2
	case $ours in
	*FAILS*) echo "$scenario: the table says \"$ours\"" ;;
	yes:*) ;;
	*)
		grep -qE '^# lab: (rare|debug)$' "scripts/lab/scenarios/$scenario.sh" ||
			echo "$scenario: the table says \"$ours\""
		passed=$(results ok "$scenario" "$@" | paste -sd' ')
		[ -z "$passed" ] || echo "$scenario: the table says \"$ours\", but it has passed on $passed"
		;;
	esac
	for kernel in $(results FAIL "$scenario" "$@"); do
		case ", ${ours#yes: }," in
		*", $kernel,"*) echo "$scenario: the table says \"$ours\", but it has failed on $kernel" ;;
		esac
	done
}

if [ "$1" = --check ]; then
	table=$2
	shift 2
	for log in "$@"; do
		[ -r "$log" ] || { echo "there is no $log" >&2; exit 1; }
	done
	wrong=$(
		diff <(rows | awk -F'\t' '{ print $2 " | " $3 " | " $1 }' | sort) \
			<(sed -nE 's/^\| (.*) \| (.*) \| .* \| `([a-z0-9_]+)` \|$/\1 | \2 | \3/p' "$table" | sort) ||
			echo "$table has other rows than the scenarios"
		sed -nE 's/^\| .* \| (.*) \| `([a-z0-9_]+)` \|$/\2\t\1/p' "$table" |
			while IFS=$'\t' read -r scenario ours; do check_row "$ours" "$scenario" "$@"; done
	)
	[ -z "$wrong" ] || {
		printf '%s\n' "$wrong" "make features" >&2
		exit 1
	}
	exit
fi

cat <<'HEAD'
# Features

Made by `make features` from the scenarios' headers and from what the lab said
when `make check` or `make check-all` last ran them; not written by hand. "6.1"
and so on are the kernels of dom0 on which the scenario passed.

| feature | the kernel's own driver | this driver | scenario |
|---|---|---|---|
HEAD
rows | while IFS=$'\t' read -r scenario feature theirs; do
	passed=$(results ok "$scenario" "$@" | paste -sd, | sed 's/,/, /g')
	failed=$(results FAIL "$scenario" "$@" | paste -sd, | sed 's/,/, /g')
	ours=${passed:+yes: $passed}
	[ -z "$failed" ] || ours="${ours:+$ours; }FAILS: $failed"
	echo "| $feature | $theirs | ${ours:-not run} | \`$scenario\` |"
done
cat <<'TAIL'

## What the lab cannot show, and why

| feature | why not | shown by |
|---|---|---|
| secure discard | no disk of the lab offers secure erase | `kunit/cases/queue/discard.cc` |
| late EOI with the spurious flag (XSA-332) | its effect is a delay in Xen's event channels that only a hostile guest earns | `kunit/cases/queue/trouble.cc` |
| HVM guests | they need a device model and firmware that the lab's dom0 does not hold | `pvh_guest` comes closest |
| Arm, pages of 64 KiB | the emulated machine is an x86 one | nothing yet |
TAIL
