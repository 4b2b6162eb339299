#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: hotplug
# lab: rare
# A vdev gets one disk after the other without a wait, while parameters change all the time.
# Two guests share a disk; one detaches and attaches it again, the other is destroyed.
# shows: a vdev attached again right after its detach, parameters changing meanwhile | yes on 6.1
# shows: two guests that write to one disk, one of them comes and goes | yes on 6.1
. /lab/dom0/lib.sh
driver_load
guests_destroy
guest_cpus=2 guest_create g1
guest_cpus=3 guest_create g4
rm -f /tmp/quiet
noise() { # changes parameters until /tmp/quiet exists; counts the changes in /tmp/rounds
	local round=0
	while [ ! -e /tmp/quiet ]; do
		for values in "1 0 0 1 N" "4 1024 1056 60 Y" "2 8 16 0 Y" "1 1 1 1 N"; do
			read -r queues pages grants seconds persistent <<<"$values"
			set_parameter max_queues "$queues" && set_parameter max_buffer_pages "$pages" &&
				set_parameter max_persistent_grants "$grants" &&
				set_parameter persistent_grant_unused_seconds "$seconds" &&
				set_parameter feature_persistent "$persistent" || exit 1
			echo $((++round)) >/tmp/rounds
			pause 0.2
		done
	done
}
noise_end() {
	touch /tmp/quiet
	[ -z "${noise:-}" ] || wait "$noise" || fail "a parameter was refused"
	noise=
	set_parameter max_queues 2
	set_parameter max_buffer_pages 1024
	set_parameter max_persistent_grants 1056
	set_parameter persistent_grant_unused_seconds 60
	set_parameter feature_persistent Y
}
trap noise_end EXIT
noise &
noise=$!
guest_size_is() { [ "$(guest "$1" "cat /sys/block/$2/size" 2>/dev/null | head -1)" = "$3" ]; }
for i in 0 1; do
	files[i]=$(image "reuse$i" $((i + 3)))
	loops[i]=$(losetup -f --show "${files[i]}")
	sums[i]=$(file_sum "${files[i]}")
done
for round in 0 1 2; do
	i=$((round % 2))
	# "detach" would wait for the guest.
	[ $round = 0 ] || need xl block-detach g1 xvdb
	need xl block-attach g1 "$(disk_spec "${loops[i]}" xvdb w)"
	wait_for 30 guest_size_is g1 xvdb $(((i + 3) * 2048)) || fail "round $round: the guest has not the new disk"
	[ "$(guest_sum g1 xvdb)" = "${sums[i]}" ] || fail "round $round: the guest does not read the new disk"
	need guest g1 "$(fio_verify xvdb 2)" >/dev/null
	sums[i]=$(guest_sum g1 xvdb)
	for other in 0 1; do
		[ "$(file_sum "${files[other]}")" = "${sums[other]}" ] || fail "round $round: disk $other holds other data"
	done
done
need xl block-detach g1 xvdb
say "three disks one after the other as xvdb"

# A hotplug script that does not check for other writers of the disk.
cat >/etc/xen/scripts/block-any <<'SCRIPT'
#!/bin/bash
[ "$1" = add ] || exit 0
xenstore-write "$XENBUS_PATH/physical-device" "$(xenstore-read "$XENBUS_PATH/params")" \
	"$XENBUS_PATH/hotplug-status" connected
SCRIPT
chmod +x /etc/xen/scripts/block-any
shared=$(image shared 8)
loop=$(losetup -f --show "$shared")
number=$(stat -c '%t:%T' "$loop")
share() { # GUEST
	need xl block-attach "$1" "vdev=xvdb,access=rw,script=block-any,target=$number"
	wait_for 30 guest_has_disk "$1" xvdb || fail "$1 never saw the shared disk"
}
share g1
share g4
guest g4 'rm -f /tmp/stop' >/dev/null
guest_start g4 load "until [ -e /tmp/stop ]; do $(fio_verify xvdb 3 --offset=4M) || exit 1; done"
need guest g1 "$(fio_verify xvdb 3)" >/dev/null
low() { head -c 4194304 "$shared" | sha256sum | cut -d' ' -f1; }
low=$(guest g1 'dd if=/dev/xvdb bs=1M count=4 iflag=direct 2>/dev/null | sha256sum' | cut -d' ' -f1)
detach g1 xvdb
[ "$(low)" = "$low" ] || fail "what g1 wrote is not there"
share g1
# The disk grows for both guests.
truncate -s 10M "$shared"
need losetup -c "$loop"
for name in g1 g4; do wait_for 10 guest_size_is $name xvdb 20480 || fail "$name was not told that the disk has grown"; done
need guest g1 "$(fio_verify xvdb 2 --offset=8M)" >/dev/null
load_stop g4
noise_end
[ "$(cat /tmp/rounds)" -ge 20 ] || fail "parameters changed $(cat /tmp/rounds) times"
[ "$(low)" = "$low" ] || fail "what g1 wrote has changed"
[ "$(guest_sum g1 xvdb)" = "$(file_sum "$shared")" ] || fail "g1 reads other data"
[ "$(guest_sum g4 xvdb)" = "$(file_sum "$shared")" ] || fail "g4 reads other data"
guest_start g4 load "$(fio_verify xvdb 3 '--offset=4M --loops=50')"
pause 2
need xl destroy g4
need guest g1 "$(fio_verify xvdb 3)" >/dev/null
[ "$(guest_sum g1 xvdb)" = "$(file_sum "$shared")" ] || fail "g1 reads other data after g4 was destroyed"
say "shared by two guests, one of which went, came and was destroyed"
detach g1 xvdb
wait_for 20 no_backends || fail "a backend is left over"
rm /etc/xen/scripts/block-any
for loop in "$loop" "${loops[@]}"; do
	losetup -d "$loop"
	wait_for 5 eval '[ -z "$(losetup -n -O BACK-FILE "$loop" 2>/dev/null)" ]' || fail "$loop is still in use"
done
xl destroy g1
passed
