#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: hotplug
# A guest with a disk reboots and shuts down, as xl asks it to.
# shows: `xl reboot`, `xl shutdown` | yes
. /lab/dom0/lib.sh
driver_load
xl destroy g1 2>/dev/null
disk=$(image disk 16)
guest_create gl "disk=['$disk,raw,xvdb,w']" "on_reboot='restart'" "on_poweroff='destroy'"
first=$(guest_id gl)
need guest gl "$(fio_verify xvdb 8)" >/dev/null
need xl reboot gl >/dev/null
restarted() { [ -n "$(guest_id gl)" ] && [ "$(guest_id gl)" != "$first" ] && guest_ready gl; }
wait_for 240 restarted || fail "the guest did not come back"
echo 0 >/tmp/number.gl
wait_for 20 guest_has_disk gl xvdb || fail "the guest came back without its disk"
[ "$(guest_sum gl xvdb)" = "$(file_sum "$disk")" ] || fail "data differs after the reboot"
need guest gl "$(fio_verify xvdb 8)" >/dev/null
say "rebooted"
need xl shutdown gl >/dev/null
gone() { [ -z "$(guest_id gl)" ]; }
wait_for 180 gone || fail "the guest did not shut down"
wait_for 20 no_backends || fail "the backend outlived its guest"
say "shut down"
passed
