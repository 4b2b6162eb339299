# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced after lib.sh: the checks after each scenario, and how logs are printed for the
# host.

# Complaints of a kernel or of the hypervisor.
bad_words=$(grep -vE '^#|^$' /lab/dom0/bad-words | paste -sd'|')

# A guest's kernel prints this when it takes back a page that is still mapped.  Our driver
# leaves no page mapped.
! driver_is_ours || bad_words="$bad_words|deferring g\\.e\\."

# check_logs: puts the messages of dom0's kernel and of guests' consoles since the last
# call into /tmp/dmesg.new and /tmp/new/guest-NAME.log.  Prints a complaint and fails when
# there is one.
check_logs() {
	local found log new seen
	dmesg -c >/tmp/dmesg.new
	cat /tmp/dmesg.new >>/tmp/dmesg.all
	mkdir -p /tmp/new /tmp/seen
	for log in /var/log/xen/guest-*.log; do
		[ -e "$log" ] || continue
		new=/tmp/new/${log##*/}
		# A guest that is created again appends to the log of the guest before it.
		seen=$(cat "/tmp/seen/${log##*/}" 2>/dev/null || echo 0)
		tail -c +$((seen + 1)) "$log" >"$new"
		echo $((seen + $(stat -c %s "$new"))) >"/tmp/seen/${log##*/}"
	done
	found=$(grep -E "$bad_words" /tmp/dmesg.new | head -5)
	if [ -n "$found" ]; then
		echo "dom0's kernel said: $found"
		return 1
	fi
	for new in /tmp/new/guest-*.log; do
		[ -e "$new" ] || continue
		# The kernel's messages have a time stamp; the output of the agent's commands
		# has none.
		found=$(grep -aoE '\[ *[0-9]+\.[0-9]{6}\].*' "$new" | grep -aE "$bad_words" | head -5)
		if [ -n "$found" ]; then
			echo "guest ${new##*/} said: $found"
			return 1
		fi
	done
}

# quote: changes lines that are printed again, or are a guest's, so that the host's
# judge.py can tell them from new messages of dom0's kernel and of Xen.
quote_stamps() { sed -E 's/\r+$//; s/\[( *[0-9]+\.[0-9]{6})\]/<\1>/g'; }
quote() { quote_stamps | sed 's/^/| /'; }

# quote_guest_log FILE: prints FILE from 40 lines before its first complaint, or else its
# last 41 lines; at most 500 lines.  The host looks for further complaints in them.
quote_guest_log() {
	local name=${1##*/} first lines most=500
	lines=$(wc -l <"$1")
	first=$(grep -naE "$bad_words" "$1" | head -1 | cut -d: -f1)
	first=$((${first:-$lines} - 40))
	[ $first -ge 1 ] || first=1
	echo "LAB-LOG $name"
	tail -n +$first "$1" | head -n $most | quote
	[ $((lines - first)) -lt $most ] ||
		echo "LAB-CUT $name: $((lines - first - most + 1)) lines"
}

# check_watch_thread SCENARIO: prints for how long the driver has held the xenbus thread, which
# serves all guests, and remembers the longest time in /tmp/held.  Fails after ten seconds: that
# is a wait for a disk or a guest.  Less may be the emulator's, or xenstored's, which
# freeze_thaw stops for five.
check_watch_thread() {
	local file=/sys/kernel/debug/xen-blkback/watch_thread us what
	mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
	[ -e $file ] || return 0 # the in-tree driver, or none
	us=$(sed -n 's/^longest_us: //p' $file)
	what=$(sed -n 's/^in: //p' $file)
	echo 0 >$file
	[ "$us" -le "$(cut -d' ' -f1 /tmp/held 2>/dev/null || echo 0)" ] || echo "$us us in $1 ($what)" >/tmp/held
	echo "the xenbus thread was held for $us us ($what)"
	[ "$us" -le 10000000 ]
}

no_threads() { ! ps -eo comm= | grep -qE '^[0-9]+\.xvd'; }
# xenconsoled and xenstored let a dead domain go when they get to it.
no_zombies() { ! xl list | grep -qE '\(null\)|---sd'; }

# check_clean: fails when something of the scenario is left over.
check_clean() {
	local left
	guests_remove_disks
	wait_for 20 no_backends || {
		left=$(xenstore-ls -f /local/domain/0/backend/vbd 2>/dev/null | head -8)
		echo "left over in xenstore: $left"
		return 1
	}
	wait_for 20 no_threads || {
		echo "left over threads: $(ps -eo comm= | grep -E '^[0-9]+\.xvd' | head -3)"
		return 1
	}
	losetup -D
	wait_for 20 no_zombies || {
		xl list
		echo "a zombie domain is left over"
		return 1
	}
}
