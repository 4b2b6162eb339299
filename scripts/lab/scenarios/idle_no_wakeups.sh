#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An idle disk causes no wake-ups: no thread, no work, and no timer that wakes an idle CPU.
# The only exception is one purge of unused grants for each ring: a work, which wakes the
# ring's thread.
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

# Traces the driver while the command runs.  Sets the counts "wakeups" (of threads), "works" (without the
# survey's), "surveys", "timers" (not deferrable) and "deferrable" (timers).  The events are
# in /tmp/events.
record() { # COMMAND...
	echo >$trace/trace
	echo 1 >$trace/tracing_on
	"$@"
	echo 0 >$trace/tracing_on
	# A timer that is started within a work of ours need not have our name.
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
set_parameter persistent_grant_unused_seconds 15

# The trace must show four reads; otherwise an empty trace would prove nothing.
reads() { need guest g1 'for i in 1 2 3 4; do dd if=/dev/xvdb of=/dev/null bs=64k iflag=direct 2>/dev/null; sleep 0.2; done' >/dev/null; }
record reads
[ "$wakeups" -ge 4 ] || fail "$wakeups wake-ups were seen beside reads"

# Long enough for the purge.
record pause 20
echo "NOTE idle: in the first 20 s $wakeups wake-ups, $works works, $timers timers, $surveys surveys of $rings rings ($(cat /lab/driver) driver, $(uname -r))"
first="$wakeups wake-ups, $works works, $timers timers"
purges=$works
[ "$works" -le "$rings" ] && [ "$wakeups" -le $((2 * rings)) ] && [ "$timers" = 0 ] && few=1
record pause 10
echo "NOTE idle: in the next 10 s $wakeups wake-ups, $works works, $timers timers, $surveys surveys"
set_parameter persistent_grant_unused_seconds "$unused"
detach g1 xvdb
[ -n "${few:-}" ] || fail "in the first 20 s: $first"
# About one survey per second and CPU.  Each starts a timer: this shows that timers are traced.
[ "$surveys" -le $((12 * $(nproc))) ] || ! driver_is_ours || fail "$surveys surveys in 10 s"
[ "$deferrable" -ge 1 ] || ! driver_is_ours || fail "no timer of the survey was seen"
[ $((wakeups + works + timers)) = 0 ] || fail "in the next 10 s: $wakeups wake-ups, $works works, $timers timers"
[ "$purges" -ge 1 ] || fail "no purge was seen"
passed
