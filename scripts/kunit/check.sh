#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# "make check-kunit": runs the cases of kunit/cases and kunit/linux in a debug kernel
# without Xen, and the planted mistakes, which the kernel's tools must find.  Ends with
# "N passed, N failed".
#
# usage: check.sh FLAVOUR [FILTER]      (kasan, lockdep or kcsan)
#
# With FILTER only the cases of that name run, SUITE or SUITE.CASE with *.
set -u

cd "$(dirname "$0")/../.." || exit 1
flavour=$1
filter=${2:-}
build=build/kunit/$flavour
. scripts/tally.sh

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
if [ -n "$filter" ]; then
	# The suites of the C side are called so; a module without a match would be a failure.
	case $filter in
	xen_blkback_linux*) module=linux/xen-blkback-linux-kunit.ko ;;
	*) module=cases/xen-blkback-kunit.ko ;;
	esac
	exec scripts/kunit/run --image "$image" --filter "$filter" "$build/$module"
fi
# Two machines at the same time: each keeps one CPU busy.
scripts/kunit/planted --image "$image" --flavour "$flavour" \
	"$build/planted/xen-blkback-planted.ko" >"$build/planted.log" 2>&1 &
beside=$!
trap '[ -z "$beside" ] || kill "$beside"' EXIT
scripts/kunit/run --image "$image" "$build/cases/xen-blkback-kunit.ko" \
	"$build/linux/xen-blkback-linux-kunit.ko" 2>&1 | tee "$build/run.log"
tally_suite "$build/run.log" "${PIPESTATUS[0]}"
wait "$beside"
status=$?
beside=
cat "$build/planted.log"
tally_suite "$build/planted.log" $status
tally_end
