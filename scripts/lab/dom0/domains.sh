# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by lib.sh: driver domains, which are guests that serve the disks of other guests.

# domain_create NAME [CONFIGURATION-LINE...]: creates a driver domain with dom0's
# programs and with CPU 4 for itself.  Its kernel is dom0's by default.  In the environment:
#   domain_kernel=FILE  domain_type=pv|pvh  domain_memory=MEGABYTES  domain_extra=WORDS
domain_create() {
	local kernel=${domain_kernel:-}
	[ -n "$kernel" ] || kernel=$(ls /lab/vmlinux 2>/dev/null || echo /guest/vmlinux)
	mkdir -p /tmp/guest-driver
	ln -sf "$kernel" /tmp/guest-driver/vmlinux
	(cd / && find . -xdev \( -path ./guest -o -path './guest-*' -o -path ./kasan -o -path ./tmp -o -path ./var/log \) \
		-prune -o -print | busybox cpio -o -H newc 2>/dev/null) >/tmp/guest-driver/initrd
	guest_files=/tmp/guest-driver guest_extra="lab-driver-domain ${domain_extra:-}" guest_cpus=4 guest_seconds=300 \
		guest_memory=${domain_memory:-800} guest_create "$1" "driver_domain=1" "type='${domain_type:-pv}'" "${@:2}"
	rm -r /tmp/guest-driver
	say "the driver domain runs $(guest "$1" 'uname -r; modinfo -F filename xen-blkback')"
	domain_runs_driver "$1" || fail "another driver than $(cat /lab/driver) is loaded in the driver domain"
}

domain_runs_driver() { # NAME
	if driver_is_ours; then
		guest "$1" 'grep -q O /sys/module/xen_blkback/taint'
	else
		guest "$1" '! grep -q O /sys/module/xen_blkback/taint'
	fi
}

# domain_need NAME [CONFIGURATION-LINE...]: creates such a domain unless it runs already,
# and destroys all other guests.  The domain stays for later scenarios.
domain_need() {
	local name
	for name in $(guests); do [ "$name" = "$1" ] || xl destroy "$name"; done
	if ! guest_ready "$1" || ! guest "$1" true >/dev/null; then
		xl destroy "$1" 2>/dev/null
		domain_create "$@"
	fi
	# It has the hotplug script that this scenario has.
	need guest "$1" "ln -sfn $(readlink /etc/xen/scripts/block) /etc/xen/scripts/block" >/dev/null
}

# domain_served NAME: prints the number of disks that the domain serves.
domain_served() { guest "$1" 'ls /sys/bus/xen-backend/devices | grep -c "^vbd"' | head -1; }
domain_serves() { [ "$(domain_served "$1")" = "$2" ]; }

# domain_check_log NAME: fails when the domain's kernel has complained; clears its log.
domain_check_log() {
	guest "$1" 'dmesg -c | grep -E "$(grep -vE "^#|^$" /lab/dom0/bad-words | paste -sd"|")" | head -5 | grep .' &&
		fail "the driver domain complains"
	return 0
}

# domain_verify NAME: the domain serves a disk to a guest.  The disk is used, detached,
# attached read-only, and removed with its guest.
domain_verify() {
	domain_runs_driver "$1" || fail "another driver than $(cat /lab/driver) is loaded in the driver domain"
	need guest "$1" 'dd if=/dev/urandom of=/tmp/disk bs=1M count=16 2>/dev/null; losetup /dev/loop0 /tmp/disk' >/dev/null
	guest_cpus=3 guest_create gc "disk=['format=raw,vdev=xvdb,access=rw,backend=$1,target=/dev/loop0']"
	wait_for 30 guest_has_disk gc xvdb || fail "the guest never saw the disk"
	need guest gc "$(fio_verify xvdb 12)" 240 >/dev/null
	[ "$(guest_sum gc xvdb)" = "$(guest "$1" 'dd if=/dev/loop0 bs=1M iflag=direct 2>/dev/null | sha256sum' | cut -d' ' -f1)" ] ||
		fail "data differs"
	say "verified; statistics there: $(guest "$1" 'cat /sys/bus/xen-backend/devices/vbd-*/statistics/wr_sect') sectors written"
	block_detach gc xvdb
	wait_for 20 guest_lacks_disk gc xvdb || fail "the guest still has the disk"
	need xl block-attach gc "format=raw,vdev=xvdc,access=ro,backend=$1,target=/dev/loop0"
	wait_for 30 guest_has_disk gc xvdc || fail "the guest never saw the second disk"
	need xl destroy gc
	wait_for 20 domain_serves "$1" 0 || fail "the driver domain still serves the disk"
	need guest "$1" 'losetup -d /dev/loop0; rm /tmp/disk' >/dev/null
	domain_check_log "$1"
	need guest "$1" 'i=0; until rmmod xen_blkback; do i=$((i + 1)); [ $i -le 20 ] || exit 1; sleep 1; done' >/dev/null
}
