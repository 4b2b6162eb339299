#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: release
# lab: rare
# Two guests on one disk.  A cgroup limits one of them: its rings' threads are moved there, or
# the device's node io-cgroup names the group, which holds for each connect.
# shows: a ring's thread (`kthread-pid`) moved into a cgroup: `io.max` throttles that guest only | the nodes are missing
# shows: `io-cgroup`: a device's I/O is charged to a cgroup at each connect, discards too | no
. /lab/dom0/lib.sh
driver_load
guests_destroy
guest_cpus=2 guest_create g1
# Two queues, and one CPU that works: the two guests have a real one each.
guest_cpus=3 guest_vcpus=2 guest_create g4
need guest g4 'echo 0 >/sys/devices/system/cpu/cpu1/online' >/dev/null
root=/sys/fs/cgroup
mountpoint -q $root || need mount -t cgroup2 cgroup2 $root
echo +io >$root/cgroup.subtree_control || fail "no io controller for groups"
slow=$root/guests/slow
need mkdir -p $slow
trap 'rmdir $slow $root/guests 2>/dev/null' EXIT
echo +io >$root/guests/cgroup.subtree_control || fail "no io controller for groups of groups"
# No loop device: that driver holds a group that does I/O, for a minute or longer.
null_disk size=64 memory_backed=1 discard=1 # sets "disk"
number=$(cat "/sys/block/${disk##*/}/dev")

# 2 MiB take 16 s with this limit, and a second or two without.
limit=131072
limited() { [ "$1" -ge 12 ]; }  # SECONDS
unlimited() { [ "$1" -lt 8 ]; } # SECONDS
# took GUEST DEVICE IN-OR-OUT: the seconds that 2 MiB take.
took() {
	local began=$SECONDS command="dd if=/dev/$2 of=/dev/null iflag=direct"
	[ "$3" = in ] || command="dd if=/dev/zero of=/dev/$2 oflag=direct"
	guest "$1" "$command bs=64k count=32 2>/dev/null" 120 >/dev/null || fail "I/O of $1 failed"
	echo $((SECONDS - began))
}
# only_g1 DIRECTION: is g1 throttled now, and g4 on the same disk at the same time not?
only_g1() {
	local seconds
	guest_start g1 load "dd if=/dev/xvdb of=/dev/null bs=64k count=32 iflag=direct 2>/dev/null"
	seconds=$(took g4 xvdb in)
	unlimited "$seconds" || fail "$1: g4's reads took $seconds s beside the limited guest's"
	need guest_join g1 load 120
	for direction in in out; do
		seconds=$(took g1 xvdb $direction)
		limited "$seconds" || fail "$1: g1's I/O ($direction) took $seconds s: it was not limited"
		say "$1: 2 MiB ($direction) of g1 took $seconds s"
	done
}
none() { # WHEN
	local seconds
	seconds=$(took g1 xvdb in)
	unlimited "$seconds" || fail "$1: g1's reads took $seconds s"
	say "$1: 2 MiB of g1 took $seconds s"
}

attach g1 "$disk" xvdb w
attach g4 "$disk" xvdb w
node() { xenstore-read "$(backend_node "$1" xvdb)/$2" 2>/dev/null; } # GUEST NAME
wait_for 10 node g1 kthread-pid || fail "the backend names no thread of g1"
wait_for 10 node g4 queue-1/kthread-pid || fail "the backend names no thread of g4's second queue"
! node g4 kthread-pid || fail "g4 has two queues, and a node for one"
pid=$(node g1 kthread-pid)
[ "$(cat "/proc/$pid/comm")" = "$(guest_id g1).xvdb-0" ] || fail "$pid is $(cat "/proc/$pid/comm")"
for queue in 0 1; do
	other=$(node g4 queue-$queue/kthread-pid)
	[ "$(cat "/proc/$other/comm")" = "$(guest_id g4).xvdb-$queue" ] || fail "$other is $(cat "/proc/$other/comm")"
done
need ionice -c 2 -n 7 -p "$pid"
[ "$(ionice -p "$pid")" = "best-effort: prio 7" ] || fail "ionice says $(ionice -p "$pid")"
none "before"

# The thread in a group.
echo "$number rbps=$limit wbps=$limit" >$slow/io.max || fail "io.max takes no limit"
echo "$pid" >$slow/cgroup.procs || fail "the thread does not move"
only_g1 "kthread-pid"
echo "$pid" >$root/cgroup.procs || fail "the thread does not move back"
none "moved back"

# The durable form: at the next connect, and at each one after.
need xenstore-write "$(backend_node g1 xvdb)/io-cgroup" guests/slow
device=vbd-$(guest_id g1)-$(vdev_number xvdb)
reconnect() {
	need eval "echo $device >/sys/bus/xen-backend/drivers/vbd/unbind"
	! node g1 kthread-pid || fail "the node outlives the unbind, and its thread"
	need eval "echo $device >/sys/bus/xen-backend/drivers/vbd/bind"
	wait_for 30 new_thread || fail "the new connection names no thread"
}
new_thread() { [ -n "$(node g1 kthread-pid)" ] && [ "$(node g1 kthread-pid)" != "$pid" ]; }
reconnect
grep -q '^0::/$' "/proc/$(node g1 kthread-pid)/cgroup" || fail "the thread itself is in a group"
only_g1 "io-cgroup"
# Discards are submitted by a worker, and charged all the same.
discards() { awk -v n="$number" '$1 == n { for (i = 2; i <= NF; i++) if ($i ~ /^dios=/) print substr($i, 6) }' $slow/io.stat; }
before=$(discards)
need guest g1 'blkdiscard -o 0 -l 1048576 /dev/xvdb' >/dev/null
[ "$(discards)" -gt "${before:-0}" ] || fail "a discard was not charged: $(cat $slow/io.stat)"
# systemd takes the controller away when no unit needs it, and puts it back.  The kernel then
# forgets the limits, and the driver must not forget the group.
need eval "echo -io >$root/guests/cgroup.subtree_control"
none "without the controller"
need eval "echo +io >$root/guests/cgroup.subtree_control"
echo "$number rbps=$limit wbps=$limit" >$slow/io.max || fail "io.max takes no limit again"
only_g1 "the controller is back"
# A group that is gone is no reason to serve less.
pid=$(node g1 kthread-pid)
need rmdir $slow
reconnect
wait_for 10 eval 'dmesg | grep -q "io-cgroup is .guests/slow.: there is no such cgroup"' || fail "nothing says that the group is gone"
none "without the group"

# A hotplug script that names the group for each attach.
detach g1 xvdb
wait_for 20 eval '! xenstore-exists "$(backend_node g1 xvdb)"' || fail "the backend's directory stays"
need mkdir $slow
echo "$number rbps=$limit wbps=$limit" >$slow/io.max || fail "io.max takes no limit"
cat >/etc/xen/scripts/block-limited <<'SCRIPT'
#!/bin/bash
[ "$1" != add ] || xenstore-write "$XENBUS_PATH/io-cgroup" guests/slow
exec "${0%/*}/block" "$@"
SCRIPT
chmod +x /etc/xen/scripts/block-limited
need xl block-attach g1 "vdev=xvdb,access=rw,script=block-limited,target=$disk"
wait_for 30 guest_has_disk g1 xvdb || fail "the guest never saw the disk of the script"
seconds=$(took g1 xvdb in)
limited "$seconds" || fail "a script's io-cgroup: 2 MiB took $seconds s"
detach g1 xvdb
detach g4 xvdb
rm /etc/xen/scripts/block-limited
# Nothing of ours holds a group that was removed.
need rmdir $slow
dying() { awk '$1 == "nr_dying_descendants" { print $2 }' $root/guests/cgroup.stat; }
wait_for 20 eval '[ "$(dying)" = 0 ]' || fail "$(dying) removed groups are still held"
xl destroy g1
xl destroy g4
null_disk_remove
passed
