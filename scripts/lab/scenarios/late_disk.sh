#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: tool
# physical-device names a disk that cannot be opened yet, and is written again when
# the disk can be opened.
# shows: physical-device written again with the same number: tried again | yes
. /lab/dom0/lib.sh
driver_load
guest_need_tool gt
[ -e /dev/mapper/control ] || need modprobe dm-mod
major=$(awk '$2 == "device-mapper" { print $1 }' /proc/devices)
minor=77
number=$(printf '%x:%x' "$major" "$minor")
loop=$(losetup -f --show "$(image late 16)")
# A script that names a disk that does not exist yet.
cat >/etc/xen/scripts/block-late <<'SCRIPT'
#!/bin/bash
[ "$1" = add ] || exit 0
xenstore-write "$XENBUS_PATH/physical-device" "$(xenstore-read "$XENBUS_PATH/params")" \
	"$XENBUS_PATH/hotplug-status" connected
SCRIPT
chmod +x /etc/xen/scripts/block-late
need xl block-attach gt "vdev=xvdb,access=rw,script=block-late,target=$number"
node=$(backend_node gt xvdb)
complaint() { dmesg | grep -E "vbd.*(opening device $number|creating vbd structure)"; }
wait_for 10 eval 'complaint >/dev/null' || fail "nothing says that $number cannot be opened"
say "$(complaint | head -1)"
# Written again too early, it fails again.
need xenstore-write "$node/physical-device" "$number"
sleep 1
echo "0 32768 linear $loop 0" | dmsetup create late --major "$major" --minor "$minor" ||
	fail "dmsetup create"
dmsetup mknodes
need xenstore-write "$node/physical-device" "$number"
tool gt flushes xvdb
[ "$(statistic gt wr_sect)" -gt 0 ] || fail "nothing was written"
# A disk that is open already is not opened again.
need xenstore-write "$node/physical-device" "$number"
tool gt flushes xvdb
detach_tool gt xvdb
wait_for 10 dmsetup remove late || fail "the disk is still in use"
losetup -d "$loop"
rm /etc/xen/scripts/block-late
passed
