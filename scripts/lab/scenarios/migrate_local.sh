#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: hotplug
# lab: rare
# A PVH guest migrates to the same host under verified I/O.  Debian's Xen is built without
# the tracking of dirty pages that a PV guest needs.
# shows: `xl migrate` to the same host under load | yes
. /lab/dom0/lib.sh
driver_load
xl destroy g1 2>/dev/null
disk=$(image disk 16)
guest_extra=noxsave guest_memory=320 guest_create g9 "type='pvh'" "disk=['$disk,raw,xvdb,w']"
load_start g9 xvdb 12
sleep 2
number=$(cat /tmp/number.g9)
first=$(guest_id g9)
timeout 150 xl -v migrate -s '' g9 'xl -v migrate-receive' </dev/null >/tmp/migrate.log 2>&1 || {
	tail -n 40 /tmp/migrate.log
	fail "xl migrate"
}
grep -q 'background load ended' /var/log/xen/guest-g9.log && fail "the load ended before the migration"
[ "$(guest_id g9)" != "$first" ] || fail "the guest is still the old domain"
echo "$number" >/tmp/number.g9
say "migrated under load"
load_stop g9
[ "$(guest_sum g9 xvdb)" = "$(file_sum "$disk")" ] || fail "data differs"
xl destroy g9
passed
