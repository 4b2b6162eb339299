#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: rare
# Plants faults for the checks that judge a scenario: each fault must be found.
. /lab/dom0/lib.sh
. /lab/dom0/checks.sh
driver_load
guest_need g1
check_logs || fail "a complaint before any was planted"

# found WORDS CHECK...: the check must fail and print WORDS.
found() {
	local words=$1 said
	shift
	said=$("$@") && fail "$1 has not found: $words"
	grep -q "$words" <<<"$said" || fail "$1 says '$said', not '$words'"
	# Do not print the words: the host judges this console, too.
	say "$1 has found fault $((++faults))"
}
faults=0
wait_for_log() { # GUEST WORDS
	wait_for 10 grep -aqF "] $2" "/var/log/xen/guest-$1.log" || fail "the console of $1 lacks: $2"
}

# Messages of the kernels of dom0 and of guests.  In guests they have the level of WARN();
# in dom0 a level that is not printed on its console, which the host judges.
echo '<7>WARNING: CPU: 0 PID: 1 at planted.c:1 planted+0x1/0x2' >/dev/kmsg
found "dom0's kernel said: .*planted" check_logs
[ "$(guest g1 'cut -c1 /proc/sys/kernel/printk')" = 8 ] || fail "the console of g1 does not show all"
for words in 'WARNING: CPU: 0 PID: 1 at planted.c:1 planted+0x1/0x2' 'WARNING: planted.c:1 at planted+0x1/0x2, CPU#0: sh/1' \
	'xen:grant_table: WARNING: g.e. 0x123 still in use!' 'xen:grant_table: leaking g.e. 0x123 (pfn 0x1)'; do
	need guest g1 "echo '<4>$words' >/dev/kmsg" >/dev/null
	wait_for_log g1 "$words"
	found "guest guest-g1.log said: .*${words##*: }" check_logs
done
check_logs || fail "a complaint is found twice"
say "each is found once"

# The console of a guest that was destroyed and created again under the same name.
guest_cpus=3 guest_create g3
need guest g3 "echo '<4>WARNING: CPU: 0 PID: 1 at planted.c:2' >/dev/kmsg" >/dev/null
wait_for_log g3 'WARNING: CPU: 0 PID: 1 at planted.c:2'
need xl destroy g3
guest_cpus=3 guest_create_tool g3
found 'guest guest-g3.log said: .*planted.c:2' check_logs

# A page that is mapped when its owner takes it back: the frontend fails, and the guest's
# console shows it.
disk=$(image disk 8)
need guest g3 'echo 8 >/proc/sys/kernel/printk' >/dev/null
attach_only g3 "$disk" xvdb w
tool_must_fail g3 planted-mapping xvdb "at Closed 1 of our pages are still mapped"
if driver_is_ours; then found 'guest guest-g3.log said: .*deferring' check_logs; else check_logs; fi
xl destroy g3

# A failure in a subshell, which does not end the scenario.
(scenario=planted fail "planted" 2>/dev/null)
[ "$(cat /tmp/failed.planted)" = planted ] || fail "a failure in a subshell leaves no trace"
rm /tmp/failed.planted

# Remains of a scenario.
xenstore-write /local/domain/0/backend/vbd/9999/51712/state 1
found 'left over in xenstore' check_clean
xenstore-rm /local/domain/0/backend/vbd/9999
bash -c 'echo 99.xvdz-0 >/proc/$$/comm; sleep 20; :' &
thread=$!
pause 0.5
found 'left over threads' check_clean
kill $thread
wait $thread 2>/dev/null
check_clean >/dev/null || fail "something is left over that was not planted"

# The wrong driver.
others=$(driver_is_ours && echo intree || echo ours)
driver_is "$others" && fail "the driver is taken for the other one"
check_logs || fail "a complaint of what was planted last"
passed
