#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The table of features, made from the scenarios' headers and from what the lab
# said of them.
#
# usage: features.sh LOG...      (what "lab matrix" printed) > features.md
#        features.sh --check FILE
#
# A scenario says "# shows: FEATURE | THE KERNEL'S OWN DRIVER".  The second form
# fails when FILE has other rows than the headers; results may be older.
set -eu

cd "$(dirname "$0")/.."

rows() { # SCENARIO <tab> FEATURE <tab> THE KERNEL'S OWN DRIVER
	grep -H '^# shows: ' scripts/lab/scenarios/*.sh |
		sed -E 's%^.*/([a-z0-9_]+)\.sh:# shows: (.*) \| (.*)$%\1\t\2\t\3%'
}

if [ "$1" = --check ]; then
	diff <(rows | awk -F'\t' '{ print $2 " | " $3 " | " $1 }' | sort) \
		<(sed -nE 's/^\| (.*) \| (.*) \| .* \| `([a-z0-9_]+)` \|$/\1 | \2 | \3/p' "$2" | sort) || {
		echo "$2 has other rows than the scenarios: make features" >&2
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
	passed=$(awk -v s="$scenario" '$1 == "ok" && $3 == s { print $2 }' "$@" | sort -Vu | paste -sd, | sed 's/,/, /g')
	failed=$(awk -v s="$scenario" '$1 == "FAIL" && $3 == s { print $2 }' "$@" | sort -Vu | paste -sd, | sed 's/,/, /g')
	ours=${passed:+yes: $passed}
	[ -z "$failed" ] || ours="${ours:+$ours; }FAILS: $failed"
	echo "| $feature | $theirs | ${ours:-not run} | \`$scenario\` |"
done
cat <<'TAIL'

## What the lab cannot show, and why

| feature | why not | shown by |
|---|---|---|
| secure discard | no disk of the lab offers secure erase | `kunit/cases/queue_discard.cc` |
| late EOI with the spurious flag (XSA-332) | its effect is a delay in Xen's event channels that only a hostile guest earns | `kunit/cases/queue_trouble.cc` |
| HVM guests | they need a device model and firmware that the lab's dom0 does not hold | `pvh_guest` comes closest |
| Arm, pages of 64 KiB | the emulated machine is an x86 one | nothing yet |
TAIL
