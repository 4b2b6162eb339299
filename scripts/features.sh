#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes or checks the table of features, from the scenarios' headers and the logs of the
# lab.
#
# usage: features.sh LOG... > features.md     (LOG: the output of "lab matrix")
#        features.sh --check FILE [LOG...]
#
# The header of a scenario has lines "# shows: FEATURE | THE KERNEL'S OWN DRIVER".  The
# second form fails when
#   - FILE has other rows than the headers;
#   - a row says that its scenario fails;
#   - a row says that its scenario was not run, unless the scenario is marked "rare" or
#     "debug": "make check" does not run those;
#   - a row says "yes" for a kernel on which the scenario failed according to LOG;
#   - a row says that its scenario was not run, but it passed according to LOG.
# A row may lack a kernel on which the scenario passed according to LOG: a new scenario
# changes the shares of "make check", and other scenarios move to another kernel.  A row
# may also say "yes" for a kernel that LOG does not name: results may be older than the
# last run.
set -eu

cd "$(dirname "$0")/.."

rows() { # SCENARIO <tab> FEATURE <tab> THE KERNEL'S OWN DRIVER
	grep -H '^# shows: ' scripts/lab/scenarios/*.sh |
		sed -E 's%^.*/([a-z0-9_]+)\.sh:# shows: (.*) \| (.*)$%\1\t\2\t\3%'
}

# results WORD SCENARIO LOG...: prints the kernels with the result WORD, one per line.
results() {
	local word=$1 scenario=$2
	shift 2
	[ $# = 0 ] || awk -v w="$word" -v s="$scenario" '$1 == w && $3 == s { print $2 }' "$@" | sort -Vu
}

# check_row OURS SCENARIO LOG...: prints what is wrong with the scenario's row.
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
