#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# dom0's threads are frozen and thawed, as for suspend to idle, under a guest's
# verified I/O.
# shows: dom0's threads freeze and thaw | partly: its waits cannot be frozen
. /lab/dom0/lib.sh
driver_load
guest_need g1
disk=$(image disk 16)
attach g1 "$disk" xvdb w
load_start g1 xvdb 12
sleep 1
# The test mode freezes all threads, waits five seconds, and thaws them.
echo freezer >/sys/power/pm_test || fail "this kernel cannot test the freezer"
# The guest measures the longest time without a response, in tenths of a second.
watch="longest=0; since=0; before=; while [ ! -e /tmp/watched ]; do
	set -- \$(awk 'FILENAME == \"/proc/uptime\" { now = int(\$1 * 10) } \$3 == \"xvdb\" { n = \$4 + \$8 }
		END { print n, now }' /proc/uptime /proc/diskstats);
	if [ \"\$1\" != \"\$before\" ]; then before=\$1; since=\$2; fi;
	[ \$((\$2 - since)) -le \$longest ] || longest=\$((\$2 - since)); >/tmp/watching; sleep 0.1; done; echo longest \$longest"
freeze() { # GUEST that has I/O on xvdb, or none to look at
	if [ -n "${1:-}" ]; then
		guest "$1" 'rm -f /tmp/watched /tmp/watching' >/dev/null
		guest_start "$1" watch "$watch"
		need guest "$1" 'until [ -e /tmp/watching ]; do sleep 0.1; done' 60 >/dev/null
	fi
	echo freeze >/sys/power/state || fail "the threads did not freeze: $(dmesg | tail -n 5)"
	pause 1
	[ -n "${1:-}" ] || { say "frozen and thawed"; return; }
	guest "$1" 'touch /tmp/watched' >/dev/null
	need guest_join "$1" watch 60
	still=$(guest_output "$1" watch | sed -n 's/.*longest \([0-9]*\).*/\1/p')
	say "frozen and thawed: no answer for $still tenths of a second"
	[ "${still:-0}" -ge 25 ] || ! driver_is_ours || fail "the longest time without an answer is ${still:-unknown} tenths of a second: the disk was served while the threads were frozen"
}
freeze g1
freeze g1
load_stop g1
[ "$(guest_sum g1 xvdb)" = "$(file_sum "$disk")" ] || fail "data differs"
detach g1 xvdb
# A guest whose ring is never empty.
guest_need_tool gt
attach_only gt "$disk" xvdb w
guest_start gt endless "frontend endless $(vdev_number xvdb) 20"
sleep 5
freeze
guest_join gt endless 60 || fail "the ring was not served"
# All its requests are wrong; the log limits the lines for each kind of mistake.
lines=$(dmesg | grep -c "xen-blkback: ")
[ "$lines" -le 100 ] || ! driver_is_ours || fail "$lines lines in the log"
say "$lines lines in the log of a guest whose every request is wrong"
echo none >/sys/power/pm_test
detach_tool gt xvdb
passed
