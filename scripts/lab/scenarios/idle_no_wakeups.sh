#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An idle disk wakes nobody up: no thread, no work and no timer for which an idle
# CPU wakes up.  The purge of unused grants is due once for each ring: a work, which
# wakes its thread up.
# shows: no wake-up of an idle disk, but for one purge | 10 a second for each ring
. /lab/dom0/lib.sh
driver_load
guest_need g1
disk=$(image disk 8)
attach g1 "$disk" xvdb w
trace=/sys/kernel/tracing
[ -e $trace/trace ] || need mount -t tracefs tracefs $trace
events="sched/sched_wakeup timer/timer_start workqueue/workqueue_execute_start workqueue/workqueue_execute_end"
prefix=$(guest_id g1).xvdb-
rings=$(ps -eo comm= | grep -c "^$prefix")
[ "$rings" -gt 0 ] || fail "no threads of the backend"

trace_events() { # 0|1
	local event
	for event in $events; do echo "$1" >"$trace/events/$event/enable" || fail "no event $event"; done
}

# Sets "wakeups" (of threads), "works" (but the survey's), "surveys" and "timers" (that are
# not deferrable) of the driver within the last seconds, and keeps what was seen.
record() { # SECONDS
	echo >$trace/trace
	echo 1 >$trace/tracing_on
	pause "$1"
	echo 0 >$trace/tracing_on
	# What a worker does within a work of ours has no name of ours.
	awk -v thread="comm=$prefix" '
		/workqueue_execute_start:.*\[xen_blkback\]/ { within[$1] = 1; print "work " $0 }
		/workqueue_execute_end:/ { delete within[$1] }
		/sched_wakeup:/ && index($0, thread) { print "wakeup " $0 }
		/timer_start:/ && (/\[xen_blkback\]/ || $1 in within) { print "timer " $0 }' $trace/trace >/tmp/events
	wakeups=$(grep -c '^wakeup' /tmp/events)
	works=$(grep '^work' /tmp/events | grep -vc 'survey_function')
	surveys=$(grep -c '^work.*survey_function' /tmp/events)
	[ "$(awk '$1 == "overrun:" { s += $2 } END { print s + 0 }' $trace/per_cpu/cpu*/stats)" = 0 ] ||
		fail "the trace has lost events"
	deferrable=$(grep '^timer' /tmp/events | grep -cE 'flags=[^ ]*D')
	timers=$(grep '^timer' /tmp/events | grep -vcE 'flags=[^ ]*D')
}
echo 0 >$trace/tracing_on
on_one_cpu trace_events 1
trap 'on_one_cpu trace_events 0' EXIT
unused=$(cat "$parameters/persistent_grant_unused_seconds")
set_parameter persistent_grant_unused_seconds 6

# Four reads are seen, or else silence would mean nothing.
guest_start g1 reads 'for i in 1 2 3 4; do dd if=/dev/xvdb of=/dev/null bs=64k iflag=direct 2>/dev/null; sleep 0.2; done'
record 2
need guest_join g1 reads 60
[ "$wakeups" -ge 4 ] || fail "$wakeups wake-ups were seen beside reads"
pause 2

record 10
echo "NOTE idle: in the first 10 s $wakeups wake-ups, $works works, $timers timers, $surveys surveys of $rings rings ($(cat /lab/driver) driver, $(uname -r))"
first="$wakeups wake-ups, $works works, $timers timers"
purges=$works
[ "$works" -le "$rings" ] && [ "$wakeups" -le $((2 * rings)) ] && [ "$timers" = 0 ] && few=1
record 10
echo "NOTE idle: in the next 10 s $wakeups wake-ups, $works works, $timers timers, $surveys surveys"
set_parameter persistent_grant_unused_seconds "$unused"
detach g1 xvdb
[ -n "${few:-}" ] || fail "in the first 10 s: $first"
# About one a second and CPU; each starts a timer, which shows that timers are seen.
[ "$surveys" -le $((12 * $(nproc))) ] || ! driver_is_ours || fail "$surveys surveys in 10 s"
[ "$deferrable" -ge 1 ] || ! driver_is_ours || fail "no timer of the survey was seen"
[ $((wakeups + works + timers)) = 0 ] || fail "in the next 10 s: $wakeups wake-ups, $works works, $timers timers"
[ "$purges" -ge 1 ] || fail "no purge was seen"
passed
