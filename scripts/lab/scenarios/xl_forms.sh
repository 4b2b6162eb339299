#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# xl's ways to write a disk, and what the tools show of it.
# shows: `xl`'s disk forms: target, `devtype=cdrom`, `script=`, phy; `xentop` | yes
. /lab/dom0/lib.sh
driver_load
guests_destroy
one=$(image one 8)
two=$(image two 8)
guest_create g2 "disk=['format=raw,vdev=xvda,access=rw,target=$one', '$two,raw,xvdb:cdrom,r', 'script=block,vdev=xvdc,access=ro,target=$two']"
info() { xenstore-read "$(backend_node g2 "$1")/info"; }
# VDISK_CDROM 1, VDISK_REMOVABLE 2, VDISK_READONLY 4
[ "$(info xvda)" = 0 ] || fail "info of xvda is $(info xvda)"
[ $(($(info xvdb) & 5)) = 5 ] || fail "info of a CD-ROM is $(info xvdb)"
[ "$(info xvdc)" = 4 ] || fail "info of a read-only disk is $(info xvdc)"
for device in xvda xvdb xvdc; do wait_for 20 guest_has_disk g2 $device || fail "no $device"; done
[ "$(guest_sum g2 xvdb)" = "$(file_sum "$two")" ] || fail "xvdb differs"
need guest g2 'dd if=/dev/xvda of=/dev/null bs=4k count=100 iflag=direct 2>/dev/null' >/dev/null
row=$(xentop -b -i 1 -v 2>/dev/null | awk '/g2/ { print }')
[ -n "$row" ] || fail "xentop does not show the guest"
echo "$row" | grep -qE '[1-9][0-9]{2,}' || fail "xentop shows no reads: $row"
say "xentop: $(echo "$row" | tr -s ' ')"
need xl block-attach g2 "phy:$(losetup -f --show "$(image three 8)"),xvdd,w"
wait_for 20 guest_has_disk g2 xvdd || fail "no xvdd"
[ "$(xl block-list g2 | awk 'NR > 1' | wc -l)" = 4 ] || fail "xl block-list: $(xl block-list g2)"
need guest g2 true >/dev/null
need xl shutdown g2 >/dev/null 2>&1 || true
xl destroy g2
passed
