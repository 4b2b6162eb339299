#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# "make bench-quick": compares our driver with the in-tree driver, one after the other
# in the same emulated machine, on null_blk, with one guest.  Time is counted in
# instructions.
#
# Fails when in a cell our driver has less than 0.98 of the in-tree driver's IOPS, or at
# depth 32 makes more than half as many hypercalls per request (grant table and event
# channels).  xentrace counts a hypercall again when Xen continues it after an
# interrupt; the scenario "indirect" checks the number of hypercalls for a request of
# 1 MiB.
#
# A cell's name is OPERATION-SIZE-qdDEPTH-qQUEUES; a guest with four queues has
# four CPUs, whose jobs share the depth.
#
# KERNEL=6.12 chooses dom0's kernel (default 6.1).
set -eu

cd "$(dirname "$0")/../.."
kernel=${KERNEL:-6.1}
scripts/setup/packages.sh build lab
kdir=$(scripts/setup/kernel.sh "$kernel" kdir)
mkdir -p build
echo "building for Linux $kernel"
scripts/build/module.sh "$kdir" "build/$kernel" -j"$(nproc)" >build/bench-build.log 2>&1 || {
	tail -20 build/bench-build.log >&2
	exit 1
}
log=build/bench-quick-$kernel.log
scripts/lab/lab run --kernel "$kernel" --icount --seconds 5400 --set SCENARIO_SECONDS=5000 bench_quick | tee "$log"
grep -q '^1 passed, 0 failed$' "$log"

echo
awk '
$1 == "NOTE" && $2 == "bench" {
	cell = $5 " " $4
	if (!(cell in known)) { known[cell] = 1; order[++cells] = cell }
	iops[$3, cell] = $6; time[$3, cell] = $7; calls[$3, cell] = $8 + $9
}
END {
	printf "%-22s %-10s %9s %9s %6s %9s %9s %7s %7s\n", "cell", "persistent", "in-tree", "ours", "ratio",
		"ns dom0", "ns ours", "calls", "ours"
	for (i = 1; i <= cells; i++) {
		cell = order[i]
		split(cell, part, " ")
		if (!iops["intree", cell] || !iops["ours", cell]) { print "no figure for " cell; bad = 1; continue }
		ratio = iops["ours", cell] / iops["intree", cell]
		share = calls["ours", cell] / calls["intree", cell]
		verdict = ""
		if (ratio < 0.98) { verdict = verdict " SLOWER"; bad = 1 }
		if (cell ~ /qd32/ && share > 0.5) { verdict = verdict " HYPERCALLS"; bad = 1 }
		printf "%-22s %-10s %9d %9d %6.3f %9d %9d %7.3f %7.3f%s\n", part[1], part[2],
			iops["intree", cell], iops["ours", cell], ratio, time["intree", cell],
			time["ours", cell], calls["intree", cell], calls["ours", cell], verdict
	}
	print "ns: run time of dom0 a request; calls: grant-table and event-channel hypercalls a request"
	exit bad || !cells
}' "$log"
