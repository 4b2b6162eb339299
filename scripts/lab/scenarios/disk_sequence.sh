#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: tool
# lab: rare
# The toolstack names a disk's sequence number, first in physical-device, then in diskseq.
# The loop device gets another file meanwhile: another disk, which is refused.  It also gets
# another one between an unbind and a bind.
# shows: after an unbind and a bind, the device opens the disk of before or none | no: the guest goes on with another disk
# shows: `diskseq`, or `physical-device` with a sequence number, opens that disk or none; `opened` tells when | no
. /lab/dom0/lib.sh
driver_load
guest_need_tool gt
file=$(image sequence 16)
loop=$(losetup -f --show "$file")
number=$(stat -L -c %t:%T "$loop")
sequence() { printf '%x' "$(cat "/sys/block/${loop##*/}/diskseq")"; }
old=$(sequence)
need losetup -d "$loop"
need losetup "$loop" "$file"
new=$(sequence)
[ "$old" != "$new" ] || fail "the loop device with another file has the same sequence number, $old"
# A script that leaves the disk's name to the scenario, once the backend waits for it.
cat >/etc/xen/scripts/block-later <<'SCRIPT'
#!/bin/bash
[ "$1" = add ] || exit 0
xenstore-read "$XENBUS_PATH/opened" >/tmp/opened 2>&1
xenstore-write "$XENBUS_PATH/physical-device" "$(xenstore-read "$XENBUS_PATH/params")" \
	"$XENBUS_PATH/hotplug-status" connected
SCRIPT
chmod +x /etc/xen/scripts/block-later
need xl block-attach gt "vdev=xvdb,access=rw,script=block-later,target=$old@$number"
[ "$(cat /tmp/opened)" = 0 ] || fail "the script sees opened: $(cat /tmp/opened)"
node=$(backend_node gt xvdb)
complaint() { dmesg | grep "device $old@$number: expected the disk with the sequence number 0x$old, found the one with 0x$new"; }
wait_for 10 eval 'complaint >/dev/null' || fail "nothing says that $old@$number is another disk"
say "$(complaint | head -1)"
[ "$(xenstore-read "$node/opened")" = 0 ] || fail "opened is $(xenstore-read "$node/opened")"
need losetup -d "$loop" # nobody has it open
need losetup "$loop" "$file"
new=$(sequence)
need xenstore-write "$node/diskseq" "$new" "$node/physical-device" "$number"
wait_for 10 eval '[ "$(xenstore-read "$node/opened")" = 1 ]' || fail "opened is $(xenstore-read "$node/opened")"
tool gt flushes xvdb

# Unbound, the disk is free, and its number is used again.
driver=/sys/bus/xen-backend/drivers/vbd
device=vbd-$(guest_id gt)-$(vdev_number xvdb)
need xenstore-rm "$node/diskseq"
echo "$device" >$driver/unbind || fail "unbind"
need losetup -d "$loop"
need losetup "$loop" "$file"
echo "$device" >$driver/bind || fail "bind"
refusal() { dmesg | grep "its sequence number is 0x$(sequence), but opened-diskseq has '$((16#$new))'"; }
wait_for 10 eval 'refusal >/dev/null' || fail "the other disk is not refused after a bind"
say "$(refusal | head -1)"
[ "$(xenstore-read "$node/opened")" = 0 ] || fail "opened is $(xenstore-read "$node/opened") after a bind"
new=$(sequence)
need xenstore-write "$node/diskseq" "$new" "$node/physical-device" "$number"
wait_for 10 eval '[ "$(xenstore-read "$node/opened")" = 1 ]' || fail "the disk that is named is not opened"
tool gt flushes xvdb
detach_tool gt xvdb
losetup -d "$loop"
rm /etc/xen/scripts/block-later
passed
