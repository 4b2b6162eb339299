#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Checks that Documentation/ABI describes exactly the driver's parameters, files
# of sysfs and debugfs, and tracepoints, and that each entry is complete.
set -eu

cd "$(dirname "$0")/../.."
status=0
complain() {
	echo "$*" >&2
	status=1
}

one_line() { echo "$1" | paste -sd' '; }

# same WHAT FILE PREFIX NAMES: complains unless FILE describes exactly NAMES.
same() {
	documented=$(sed -n "s|^What: *$3||p" "$2" | sort)
	present=$(echo "$4" | tr ' ' '\n' | grep . | sort)
	[ "$documented" = "$present" ] ||
		complain "$2 describes these $1: $(one_line "$documented"); the code has: $(one_line "$present")"
}

parameters=$(sed -n 's/^BOUNDED_PARAMETER(\([a-z_]*\),.*/\1/p; s/^module_param(\([a-z_]*\),.*/\1/p' \
	src/linux/parameter.c)
same parameters Documentation/ABI/testing/sysfs-driver-xen-blkback \
	/sys/module/xen_blkback/parameters/ "$parameters"

# The in-tree driver has these, too.
files=$(sed -n 's/^STATISTIC(\([a-z_]*\));/statistics\/\1/p; s/^static DEVICE_ATTR_RO(\([a-z_]*\));/\1/p' \
	src/linux/sysfs.c | grep -vx in_flight)
same files Documentation/ABI/stable/sysfs-bus-xen-backend '/sys/bus/xen-backend/devices/\*/' "$files"

files=$(sed -nE 's/^(STATISTIC_OF|LATENCY)\(([a-z_]*),.*/statistics\/\2/p; s/^static DEVICE_ATTR_RO\((in_flight)\);/statistics\/\1/p' \
	src/linux/sysfs.c)
same "files of ours" Documentation/ABI/testing/sysfs-bus-xen-backend '/sys/bus/xen-backend/devices/\*/' "$files"

events=$(sed -nE 's/^(TRACE_EVENT|TRACE_EVENT_FN)\(([a-z_]*),.*/\2/p; s/^DEFINE_EVENT_FN\([a-z_]*, ([a-z_]*),.*/\1/p' \
	src/linux/trace.h)
same tracepoints Documentation/ABI/testing/tracepoints-xen-blkback \
	/sys/kernel/tracing/events/xen_blkback/ "$events"

debug_files() { sed -nE "s/.*debugfs_create_file_unsafe\(\"([a-z_]*)\", [0-9]+, $1,.*/\1/p" src/linux/debugfs.c; } # FOLDER
same "files of debugfs" Documentation/ABI/testing/debugfs-xen-blkback /sys/kernel/debug/xen-blkback/ \
	"$(debug_files debug_root) $(debug_files 'device->debug' | sed 's|^|DOMID.VDEV/|')"

for file in Documentation/ABI/*/*; do
	awk -v file="$file" '
		/^What:/ { if (what && missing()) bad = 1; what = $2; split("", seen) }
		/^(Date|KernelVersion|Contact|Description):/ { seen[$1] = 1 }
		function missing(  n, i, wanted, lacks) {
			n = split("Date: KernelVersion: Contact: Description:", wanted, " ")
			for (i = 1; i <= n; i++) if (!(wanted[i] in seen)) {
				print file ": " what " has no " wanted[i]
				lacks = 1
			}
			return lacks
		}
		END { if (!what || missing()) bad = 1; exit bad }' "$file" >&2 || status=1
done
exit $status
