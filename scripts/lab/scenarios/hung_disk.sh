#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A disk that hangs holds up its own guest alone.
# shows: a hanging disk holds up its own guest only | detach waits in the xenbus thread
. /lab/dom0/lib.sh
driver_load
guests_destroy
guest_vcpus=1 guest_cpus=2 guest_create g1
guest_vcpus=1 guest_cpus=3 guest_create g4
hung=$(image hung 16)
good=$(image good 16)
loop=$(losetup -f --show "$hung")
echo "0 32768 linear $loop 0" | dmsetup create lab || fail "dmsetup create"
dmsetup mknodes
attach g4 /dev/mapper/lab xvdb w
attach g1 "$good" xvdb w
guest_start g4 load 'fio --name=l --filename=/dev/xvdb --size=8M --direct=1 --ioengine=libaio --iodepth=8 --rw=randwrite --bs=4k --time_based --runtime=120 --minimal'
sleep 1
need dmsetup suspend --noflush lab
sleep 1
# The guest goes, its I/O stays with the disk.
timeout 30 xl destroy g4 || fail "xl destroy waits for the disk"
# Others come and go meanwhile.
for round in 1 2; do
	need guest g1 "$(fio_verify xvdb 4)" 60 >/dev/null
	need timeout 40 xl block-detach g1 xvdb
	wait_for 20 guest_lacks_disk g1 xvdb || fail "g1's disk does not go"
	attach g1 "$good" xvdb w
	say "round $round: the other guest's disk was used, detached, attached"
done
need dmsetup resume lab
wait_for 20 eval '[ -z "$(xl list | grep null)" ]' || fail "a zombie: $(xl list)"
detach g1 xvdb
wait_for 20 no_backends || fail "a backend is left over"
wait_for 20 dmsetup remove lab || fail "the disk is still in use"
losetup -d "$loop"
xl destroy g1
passed
