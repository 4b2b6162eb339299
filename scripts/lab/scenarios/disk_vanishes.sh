#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: hotplug
# lab: locks
# The backing disk is removed under load: the guest gets errors, and a detach works.
# shows: backing disk vanishes: errors, Closing, detach ends | errors only
. /lab/dom0/lib.sh
driver_load
guest_need g1
scsi_disk 512
attach g1 "$disk" xvdb w
guest_start g1 load 'fio --name=l --filename=/dev/xvdb --size=16M --direct=1 --ioengine=libaio --iodepth=8 --rw=randrw --bs=4k --time_based --runtime=60 --minimal'
wait_for 20 guest_is_busy g1 xvdb || fail "nothing is in flight"
pause 2
guest_background_ended g1 load && fail "the load has ended before the disk vanished"
echo 1 >"/sys/block/${disk##*/}/device/delete"
guest_join g1 load 60 && fail "the guest saw no error"
state() { xenstore-read "$(backend_node g1 xvdb)/state"; }
leaves_connected() { case $(state) in 5 | 6) ;; *) return 1 ;; esac; }
wait_for 10 leaves_connected || ! driver_is_ours || fail "the backend stays Connected"
dmesg | grep -q 'was removed from the system' || ! driver_is_ours || fail "no clear message"
detach g1 xvdb
wait_for 20 no_backends || fail "the backend is still there"
wait_for 20 rmmod scsi_debug || fail "the disk is still in use"
passed
