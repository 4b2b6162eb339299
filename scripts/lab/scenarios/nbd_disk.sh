#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A disk over nbd; its server stops for a while, and only its guest's I/O waits.
# shows: a disk over nbd, its server stopped for a while | yes
. /lab/dom0/lib.sh
driver_load
guest_need g1
file=$(image nbd 16)
need ip link set lo up
need modprobe nbd nbds_max=1
printf '[generic]\n[lab]\nexportname=%s\n' "$file" >/tmp/nbd.conf
need nbd-server -C /tmp/nbd.conf -p /tmp/nbd.pid 127.0.0.1:10809
wait_for 10 eval 'nbd-client 127.0.0.1 10809 -N lab /dev/nbd0 >/dev/null 2>&1' || fail "nbd-client"
attach g1 /dev/nbd0 xvdb w
need guest g1 "$(fio_verify xvdb 8)" >/dev/null
say "verified"
# Each connection has a process of its own.
mapfile -t servers < <(pgrep nbd-server)
load_start g1 xvdb 8
sleep 1
kill -STOP "${servers[@]}"
sleep 1
other=$(image other 8)
attach g1 "$other" xvdc w
need guest g1 "$(fio_verify xvdc 4)" >/dev/null
detach g1 xvdc
say "another disk was attached, served and detached while the server was stopped"
guest_background_ended g1 load && fail "the load ended without a server"
kill -CONT "${servers[@]}"
load_stop g1
[ "$(guest_sum g1 xvdb)" = "$(dd if=/dev/nbd0 bs=1M iflag=direct status=none | sha256sum | cut -d' ' -f1)" ] ||
	fail "data differs"
detach g1 xvdb
need nbd-client -d /dev/nbd0 >/dev/null
kill "${servers[@]}"
wait_for 10 rmmod nbd || fail "the disk is still in use"
passed
