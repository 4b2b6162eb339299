# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced after hostile.sh, whose hostile_device it reads: programs of sequences.py in place of the cases.
# shellcheck disable=SC2034 # hostile.sh reads it
hostile_folder=sequences

# shellcheck disable=SC2154 # hostile_device is of hostile.sh
# program_fails KIND NAME BLOCK...: does the program fail without these blocks?
program_fails() {
	local kind=$1 name=$2
	shift 2
	guest gt "awk -v without=' $* ' '/^# block/ { n++; skip = index(without, \" \" n \" \") } /^# end/ { skip = 0 } !skip' \
		/sequences/$name.case >/tmp/$name.case; frontend run $(vdev_number "${hostile_device[$kind]}") /tmp/$name.case" 300 |
		grep -q '^FAILED'
}

# program_made_smaller NAME KIND: leaves out each block without which the program still fails,
# and prints what is left.  Sets "without": the numbers of the others.
program_made_smaller() {
	local block
	without=()
	program_fails "$2" "$1" || {
		echo "NOTE sequences: $1 did not fail again"
		return
	}
	for ((block = $(grep -c '^# block' "/lab/sequences/$1.case"); block >= 1; block--)); do
		! program_fails "$2" "$1" "${without[@]}" "$block" || without+=("$block")
	done
	echo "NOTE sequences: what is left of $1:"
	awk -v without=" ${without[*]} " '/^# block/ { n++; skip = index(without, " " n " ") } /^# end/ { skip = 0 }
		!skip { print "NOTE   " $0 }' "/lab/sequences/$1.case"
}
