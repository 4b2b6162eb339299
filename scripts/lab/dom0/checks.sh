# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# After lib.sh: what is looked at after each scenario, and how logs are printed for
# the host.

# Words of a kernel or a hypervisor that has gone wrong.
bad_words=$(grep -vE '^#|^$' /lab/dom0/bad-words | paste -sd'|')

# A guest's kernel that takes a page back which is still mapped says that it defers it.  Our
# driver leaves none mapped.
! driver_is_ours || bad_words="$bad_words|deferring g\\.e\\."

# check_logs: what dom0's kernel and guests' consoles said since the last call, which
# is then in /tmp/dmesg.new and /tmp/new/guest-NAME.log.  Fails when one complains.
check_logs() {
	local found log new seen
	dmesg -c >/tmp/dmesg.new
	cat /tmp/dmesg.new >>/tmp/dmesg.all
	mkdir -p /tmp/new /tmp/seen
	for log in /var/log/xen/guest-*.log; do
		[ -e "$log" ] || continue
		new=/tmp/new/${log##*/}
		# A guest that is created again goes on with the log of the one before.
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
		# What its kernel says has a stamp; what the agent says of its commands has none.
		found=$(grep -aoE '\[ *[0-9]+\.[0-9]{6}\].*' "$new" | grep -aE "$bad_words" | head -5)
		if [ -n "$found" ]; then
			echo "guest ${new##*/} said: $found"
			return 1
		fi
	done
}

# quote: what is printed again, or is a guest's, in a form that the host's judge.py
# tells from what the kernel here or Xen says for the first time.
quote_stamps() { sed -E 's/\r+$//; s/\[( *[0-9]+\.[0-9]{6})\]/<\1>/g'; }
quote() { quote_stamps | sed 's/^/| /'; }

# quote_guest_log FILE: its end, or all of it from the first complaint on: the host
# wants to know what else was said.
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

# check_clean: nothing of the scenario is left over.
check_clean() {
	local left
	guests_remove_disks
	wait_for 20 no_backends || {
		left=$(xenstore-ls -f /local/domain/0/backend/vbd 2>/dev/null | head -8)
		echo "left over in xenstore: $left"
		return 1
	}
	left=$(ps -eo comm= | grep -E '^[0-9]+\.xvd' | head -3)
	[ -z "$left" ] || {
		echo "left over threads: $left"
		return 1
	}
	losetup -D
	! xl list | grep -qE '\(null\)|---sd' || {
		xl list
		echo "a zombie domain is left over"
		return 1
	}
}
