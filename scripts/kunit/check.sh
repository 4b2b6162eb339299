#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# "make check-kunit": the cases of kunit/cases and those of src/linux in a debug
# kernel on a bare machine, and the planted mistakes, which its tools must find.
# Ends with "N passed, N failed".
#
# usage: check.sh FLAVOUR      (kasan, lockdep or kcsan)
set -u

cd "$(dirname "$0")/../.." || exit 1
flavour=$1
build=build/kunit/$flavour
passed=0
failed=0

# suite COMMAND...: runs it, and adds up what it counted.
suite() {
	local log=$build/suite.log status counts bad
	"$@" 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -1)
	passed=$((passed + $(echo "${counts:-0}" | cut -d" " -f1)))
	bad=${counts#*, }
	bad=${bad%% failed*}
	if [ "$status" != 0 ] && [ "${bad:-0}" = 0 ]; then bad=1; fi
	failed=$((failed + bad))
}

kdir=$(scripts/setup/debug-kernel.sh "$flavour" kdir) || exit 1
image=$(scripts/setup/debug-kernel.sh "$flavour" image) || exit 1
mkdir -p "$build"
for module in cases linux planted; do
	echo "building kunit/$module for the $flavour kernel"
	scripts/build/kunit.sh "$module" "$kdir" "$build/$module" -j"${JOBS:-$(nproc)}" \
		>"$build/build-$module.log" 2>&1 || {
		tail -20 "$build/build-$module.log"
		echo "0 passed, 1 failed"
		exit 1
	}
done
suite scripts/kunit/run --image "$image" "$build/cases/xen-blkback-kunit.ko" \
	"$build/linux/xen-blkback-linux-kunit.ko"
suite scripts/kunit/planted --image "$image" --flavour "$flavour" \
	"$build/planted/xen-blkback-planted.ko"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
