#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A disk's script removes the dm device when the backend is Closed: nobody may have it
# open then.
# shows: `script=` that removes its device at detach and destroy | yes on 6.1; from 6.9 on the close is deferred
. /lab/dom0/lib.sh
driver_load
guests_destroy
guest_create g1
null_disk size=16 memory_backed=1 irqmode=2 completion_nsec=100000000
# The script makes one dm device for each vdev, all on the same disk.
cat >/etc/xen/scripts/block-dm <<SCRIPT
#!/bin/bash
name=script-\${XENBUS_PATH##*/}
case \$1 in
add)
	echo "0 32768 linear $disk 0" | dmsetup create "\$name" || exit 1
	dmsetup mknodes "\$name"
	xenstore-write "\$XENBUS_PATH/physical-device" "\$(stat -L -c '%t:%T' "/dev/mapper/\$name")" \
		"\$XENBUS_PATH/hotplug-status" connected
	;;
remove)
	dmsetup remove "\$name" 2>>/tmp/detach.err && echo gone >>/tmp/detach.out || echo busy >>/tmp/detach.out
	;;
esac
SCRIPT
chmod +x /etc/xen/scripts/block-dm
: >/tmp/detach.out
outcome() { # COUNT
	[ "$(wc -l </tmp/detach.out)" = "$1" ] || fail "$(wc -l </tmp/detach.out) removals, not $1"
	! grep -q busy /tmp/detach.out || fail "$(grep -c busy /tmp/detach.out) of $1 busy: $(tail -1 /tmp/detach.err)"
}
rounds=${rounds:-10}
for ((round = 1; round <= rounds; round++)); do
	need xl block-attach g1 'vdev=xvdb,access=rw,script=block-dm,target=dm'
	wait_for 30 guest_has_disk g1 xvdb || fail "the guest never saw the disk"
	# In every second round dom0 has dirty blocks of the device when it is closed.
	[ $((round % 2)) = 1 ] || need dd if=/dev/zero of=/dev/mapper/script-51728 bs=4k count=1 conv=notrunc status=none
	need xl block-detach g1 xvdb
	outcome $round
done
say "$rounds detached"
for letter in b c d e; do
	need xl block-attach g1 "vdev=xvd$letter,access=rw,script=block-dm,target=dm"
	wait_for 30 guest_has_disk g1 xvd$letter || fail "the guest never saw xvd$letter"
done
need xl destroy g1
wait_for 10 no_backends || fail "a backend is left over"
outcome $((rounds + 4))
say "four more with the guest destroyed"
rm /etc/xen/scripts/block-dm
null_disk_remove
passed
