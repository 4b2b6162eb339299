#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: hotplug
# lab: rare
# Many disks of one guest are attached one after the other and removed.
# The number of requests of dom0's kernel to xenstored for one disk does not depend on the
# number of disks, and an uevent causes none.
# shows: a disk's attach, removal and uevents cost no more when there are many disks | yes
. /lab/dom0/lib.sh
driver_load
guest_need g1
# Thirty in "make check-all".
disks=${many_disks:-6}
letter() { printf %b "\\0$(printf %o $((97 + $1)))"; }
name() { [ "$1" -lt 26 ] && echo "xvd$(letter "$1")" || echo "xvda$(letter $(($1 - 26)))"; } # of the N-th
files=/tmp/many
mkdir -p $files
for i in $(seq "$disks"); do dd if=/dev/urandom of="$files/$i" bs=64k count=16 status=none; done

# trace FILE: logs the requests to xenstored in FILE until trace_end.
trace() { need xenstore-control logfile "$1" >/dev/null && need xenstore-control log on >/dev/null; }
trace_end() { need xenstore-control log off >/dev/null; }
# Prints the number of requests of dom0's kernel, the client that watches all of "backend".
# A transaction that conflicts with the tools' writes is repeated: its failed try is not
# counted.
kernel_requests() { # FILE
	awk '$1 == "OUT" && $5 == "WATCH_EVENT" && $6 ~ /^\(backend\// { kernel = $2 }
		$1 == "IN" { n[$2]++ }
		$1 == "IN" && $5 == "TRANSACTION_START" { tried[$2] = 0 }
		$1 == "IN" && $5 ~ /^(TRANSACTION_START|READ|WRITE|TRANSACTION_END)$/ { tried[$2]++; ends[$2] = $5 == "TRANSACTION_END" }
		$1 == "OUT" && ends[$2] && $5 == "ERROR" && $6 ~ /EAGAIN/ { n[$2] -= tried[$2] }
		END { print n[kernel] + 0 }' "$1"
}
# Prints the kernel's requests with their counts, with N for the numbers in the paths.
kernel_list() { # FILE
	awk '$1 == "OUT" && $5 == "WATCH_EVENT" && $6 ~ /^\(backend\// { kernel = $2 }
		$1 == "IN" { what[++n] = $2 " " $5 " " $6 }
		END { for (i = 1; i <= n; i++) if (index(what[i], kernel) == 1) print substr(what[i], length(kernel) + 2) }' "$1" |
		sed -E 's%/[0-9]+%/N%g; s/\([0-9]+/(N/' | sort | uniq -c | sort -rn
}
requests() { grep '^IN ' "$1" | grep -cv CONTROL; } # FILE

attach_one() { # N
	local began=${EPOCHREALTIME/./}
	attach g1 "$files/$1" "$(name "$1")" w
	took=$(((${EPOCHREALTIME/./} - began) / 1000))
}
began=$SECONDS
for i in $(seq "$disks"); do
	trace /tmp/attach
	attach_one "$i"
	trace_end
	counts[i]=$(kernel_requests /tmp/attach)
	[ "$i" != "$disks" ] || [ -z "${show_requests:-}" ] || kernel_list /tmp/attach
	rm /tmp/attach
	say "disk $i: $took ms, ${counts[i]} requests of dom0's kernel"
done
attached=$((SECONDS - began))
less() { [ "${counts[$1]}" -lt "${counts[$2]}" ] && echo "${counts[$1]}" || echo "${counts[$2]}"; }
first=$(less 2 3)
last=$(less $((disks - 1)) "$disks")

trace /tmp/uevent
echo change >"/sys/block/$(basename "$(losetup -j $files/1 | cut -d: -f1)")/uevent"
pause 1
trace_end
uevent=$(requests /tmp/uevent)

need guest g1 'for d in /dev/xvd*; do dd if=/dev/zero of=$d bs=64k count=16 oflag=direct 2>/dev/null || exit 1; done' >/dev/null
for i in $(seq "$disks"); do
	[ "$(file_sum "$files/$i")" = "$(head -c 1048576 /dev/zero | sha256sum | cut -d' ' -f1)" ] || fail "disk $i holds other data"
done
began=$SECONDS
for i in $(seq "$disks"); do
	traced=
	case $i in 2 | $((disks - 1))) traced=1 ;; esac
	[ -z "$traced" ] || trace "/tmp/detach.$i"
	need xl block-detach g1 "$(name "$i")"
	[ -z "$traced" ] || trace_end
done
many_left=$(kernel_requests /tmp/detach.2)
one_left=$(kernel_requests /tmp/detach.$((disks - 1)))
wait_for 20 no_backends || fail "backends are left over"
echo "NOTE disks: $disks attached in $attached s, removed in $((SECONDS - began)) s; requests of dom0's kernel:" \
	"$first for one of the first, $last for one of the last, $many_left for a removal among many, $one_left for one of the last, $uevent for an uevent" \
	"($(cat /lab/driver) driver, $(uname -r))"
rm -r $files
[ "$uevent" = 0 ] || fail "an uevent costs $uevent requests with $disks disks"
[ "$many_left" -gt 5 ] || fail "the requests for a removal were not found"
[ "$many_left" -le $((one_left + 2)) ] || fail "a removal costs $many_left requests with many disks, $one_left with one"
[ "$first" -gt 5 ] || fail "the requests of dom0's kernel were not found"
[ "$last" -le $((first + 2)) ] || fail "one of the last disks costs $last requests, one of the first $first"
passed
