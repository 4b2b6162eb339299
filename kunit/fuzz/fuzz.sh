#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# fuzz.sh FOLDER SECONDS TARGET... - fuzz each target for SECONDS, starting from its
# corpus and the inputs that earlier runs have found (FOLDER/found).  Inputs that crash
# a target are kept in FOLDER/crashes.  Fails when a target crashed.

folder=$1
seconds=$2
shift 2
mkdir -p "$folder/crashes"
all_crashes=0
for target in "$@"; do
	found=$folder/found/$target
	mkdir -p "$found" "corpus/$target"
	log=$folder/fuzz-$target.log
	: >"$log"
	executions=0
	crashes=0
	end=$(($(date +%s) + seconds))
	# A crash ends libFuzzer.  Start it again until the time is over, unless it crashed
	# five times or at its first input.
	while left=$((end - $(date +%s))) && [ $left -gt 0 ] && [ $crashes -lt 5 ]; do
		ASAN_OPTIONS=${ASAN_OPTIONS:-quarantine_size_mb=16} "$folder/fuzz-$target" \
			-max_total_time=$left -timeout=20 -max_len="${MAX_LEN:-1024}" -len_control=20 \
			-print_final_stats=1 -artifact_prefix="$folder/crashes/$target-" \
			"$found" "corpus/$target" >"$log.part" 2>&1
		status=$?
		cat "$log.part" >>"$log"
		ran=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log.part" | tail -1)
		executions=$((executions + ${ran:-0}))
		[ $status = 0 ] && break
		crashes=$((crashes + 1))
		sed -n 's/.*Test unit written to /CRASH /p' "$log.part"
		[ "${ran:-0}" -gt 1 ] || break
	done
	rm -f "$log.part"
	echo "fuzz $target: $executions executions, $crashes crashes ($log)"
	all_crashes=$((all_crashes + crashes))
done
[ $all_crashes = 0 ]
