#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# "make demo": builds the module, boots Xen on an emulator, attaches a disk to a
# guest with xl, does verified I/O and shows what happened.
#
# KERNEL=6.12 chooses dom0's kernel (default 6.1).
set -eu

cd "$(dirname "$0")/.."
kernel=${KERNEL:-6.1}
started=$(date +%s)
say() { printf '[%3d s] %s\n' $(($(date +%s) - started)) "$*"; }

say "1. packages"
scripts/setup/packages.sh build lab
kdir=$(scripts/setup/kernel.sh "$kernel" kdir)
say "2. building xen-blkback.ko for Linux $(basename "$kdir" | sed 's/linux-headers-//')"
mkdir -p build
if ! scripts/build/module.sh "$kdir" "build/$kernel" -j"$(nproc)" >build/demo-build.log 2>&1; then
	tail -20 build/demo-build.log >&2
	echo "the module does not build: build/demo-build.log" >&2
	exit 1
fi
say "3. booting Xen and Linux on an emulator, without hardware virtualisation"
status=0
scripts/lab/lab run --kernel "$kernel" demo || status=$?
if [ "$status" = 0 ]; then
	say "the demonstration is over: all of it worked"
else
	say "the demonstration failed: the log named above says why"
fi
exit "$status"
