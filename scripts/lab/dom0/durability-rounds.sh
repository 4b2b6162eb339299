# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by the scenarios that run the frontend's case "durable".
. /lab/dom0/durability.sh

lost=

steps_number() { # STEP+STEP...
	local number=0 step
	for step in ${1//+/ }; do
		case $step in
		reconnect) : $((number += 1)) ;;
		drop) : $((number += 2)) ;;
		resize) : $((number += 4)) ;;
		reload) : $((number += 8)) ;;
		*) fail "what is $step?" ;;
		esac
	done
	echo $number
}

# run_case ARGUMENT COMMAND: runs the case on a new disk; leaves its log, and what the judge
# says of it in /tmp/judged.  Sets "judged", the judge's status.
run_case() {
	local points
	rm -f "$file"
	logged_create 16 32 40 120
	attach_only gt /dev/mapper/durable xvdb w
	serve_start gt "$2"
	tool gt durable xvdb "$1" 900
	serve_stop
	detach_tool gt xvdb
	logged_remove
	points=$(sed -n 's/^\([0-9]*\) points$/\1/p' /tmp/tool.log)
	/lab/writelog judge "$log" >/tmp/judged
	judged=$?
	[ $judged -lt 2 ] || fail "$(tail -n 1 /tmp/judged)"
	[ "$points" -gt 0 ] || fail "there are no points"
	[ "$(awk '/^cell / { n += $3 } END { print n }' /tmp/judged)" = "$points" ] ||
		fail "the log has not all of the $points points"
}

# rounds STEPS ROUNDS: ROUNDS plain rounds of each kind, and one with each step between writes
# and flush.  Adds to "lost" the kinds that lost something, and prints a table.
rounds() {
	run_case $(($(steps_number "$1") + 16 * $2)) "bash /lab/dom0/durability-step gt"
	if [ $judged != 0 ]; then grep -v '^cell ' /tmp/judged; fi
	sed -nE 's,^cell ([^/]*)/(queues=[0-9])/([^/]*)/([^:]*): ([0-9]+) points\, earlier writes lost at ([0-9]+)\, own data lost at ([0-9]+)$,\1 \2 \3 \4 \5 \6 \7,p' /tmp/judged >/tmp/cells
	awk '{ key = $1 " " $2; points[key] += $5; earlier[key] += $6; own[key] += $7 }
		END { for (key in points) print key ": " points[key] " points, earlier writes lost at " earlier[key] ", own data lost at " own[key] }' /tmp/cells |
		sort | while read -r line; do
		driver_is_ours && say "$line" || echo "NOTE durability in-tree $line"
	done
	# shellcheck disable=SC2034 # for the scenario
	lost="$(awk '$6 + $7 { print $1 }' /tmp/cells | sort -u | paste -sd' ')"
}

# Plants a disk that says it has done a flush: the kernel drops flushes and FUA for it.  Each
# kind must be found.
planted() {
	local kind
	run_case $((4 + 16 + 4096)) "bash /lab/dom0/durability-step gt drop-flushes"
	[ $judged = 1 ] || fail "flushes that never came to the disk were not found"
	for kind in flush flush-with-data barrier empty-barrier; do
		grep -qE "^cell $kind/.*/resize: 1 points, earlier writes lost at 1," /tmp/judged ||
			fail "$kind that never came to the disk was not found: $(grep "^cell $kind/" /tmp/judged | tail -n 1)"
	done
	for kind in flush-with-data barrier; do
		grep -qE "^cell $kind/.*/resize: .* own data lost at 1" /tmp/judged ||
			fail "data of $kind that was not forced was not found: $(grep "^cell $kind/" /tmp/judged | tail -n 1)"
	done
	say "a disk that drops flushes: found"
}
