#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# "make profile": counts dom0's instructions per request by function, of our driver and of
# the in-tree driver, and of the disk alone.  Makes Documentation/performance.md and the
# flame graphs in Documentation/performance.
#
# KERNEL=6.12 chooses dom0's kernel (default 6.1); CELLS="randread:4k:32 ..." chooses
# workloads, OPERATION:SIZE:DEPTH.  The page of a run with one of these is
# build/profile/KERNEL/performance.md.
set -eu

cd "$(dirname "$0")/../.."
kernel=${KERNEL:-6.1}
out=build/profile/$kernel
page=$out/performance.md graphs=$out/performance
if [ "$kernel" = 6.1 ] && [ -z "${CELLS:-}" ]; then
	page=Documentation/performance.md graphs=Documentation/performance
fi
scripts/setup/packages.sh build lab kernel profile
kdir=$(scripts/setup/kernel.sh "$kernel" kdir)
mkdir -p "$out"
echo "building for Linux $kernel"
scripts/build/module.sh "$kdir" "build/$kernel" -j"$(nproc)" >"$out/build-module.log" 2>&1 || {
	tail -20 "$out/build-module.log" >&2
	exit 1
}
log=$out/lab.log
scripts/lab/lab run --kernel "$kernel" --icount --seconds 3600 --set SCENARIO_SECONDS=3500 \
	${CELLS:+--set "workloads='$CELLS'"} profile | tee "$log"
grep -q '^1 passed, 0 failed$' "$log"
folder=$(sed -n 's|^booting .*: \(.*\)/serial.log$|\1|p' "$log")

echo
rm -rf "$graphs"
scripts/profile/report.py "$folder/profile.txt" "$page" "$graphs" \
	"Linux $(scripts/setup/kernel.sh "$kernel" version) as dom0 and guest, Xen 4.17, QEMU 7.2"
echo "see $page"
