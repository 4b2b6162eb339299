#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: hotplug
# xl's forms of a disk's specification, and what the tools show of the disk.
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
# The last columns: VBDS VBD_OO VBD_RD VBD_WR VBD_RSECT VBD_WSECT SSID.
shown=$(xentop -b -i 1 2>/dev/null | awk '$1 == "g2" { print $(NF - 6), $(NF - 5), $(NF - 4), $(NF - 3), $(NF - 2), $(NF - 1) }')
counted="3 $(for name in oo_req rd_req wr_req rd_sect wr_sect; do statistic g2 $name; done | paste -sd' ')"
[ "$shown" = "$counted" ] || fail "xentop shows '$shown', the driver counted '$counted'"
[ "$(statistic g2 rd_req)" -ge 100 ] || fail "100 reads were counted as $(statistic g2 rd_req)"
say "xentop: $shown"
need xl block-attach g2 "phy:$(losetup -f --show "$(image three 8)"),xvdd,w"
wait_for 20 guest_has_disk g2 xvdd || fail "no xvdd"
[ "$(xl block-list g2 | awk 'NR > 1' | wc -l)" = 4 ] || fail "xl block-list: $(xl block-list g2)"
need guest g2 true >/dev/null
need xl shutdown g2 >/dev/null 2>&1 || true
xl destroy g2
passed
