#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# "make check": all tests, from fast to real.  Ends with "N passed, N failed".
#
# The main scenarios run on each kernel, every other one on one of them;
# ALL=1 ("make check-all") runs all on each.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
kernels=${KERNELS:-6.1 6.12 7.2}
passed=0
failed=0
logs=build/check
mkdir -p "$logs"
started=$(date +%s)

say() { printf '[%4d s] %s\n' $(($(date +%s) - started)) "$*"; }

# stage NAME COMMAND...: one test that is its exit status.
stage() {
	local name=$1 log
	shift
	log=$logs/${name// /-}.log
	if "$@" >"$log" 2>&1; then
		say "ok   $name"
		passed=$((passed + 1))
	else
		say "FAIL $name: $log ends with"
		tail -15 "$log"
		failed=$((failed + 1))
	fi
}

# suite NAME COMMAND...: tests that count themselves and say so at the end.
suite() {
	local name=$1 log counts status good bad
	shift
	log=$logs/${name// /-}.log
	say "$name ..."
	"$@" 2>&1 | tee "$log" | grep --line-buffered -E '^(ok|FAIL|NOTE|booting)|^\[  FAILED'
	status=${PIPESTATUS[0]}
	counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -1)
	if [ -z "$counts" ]; then
		say "FAIL $name: it did not come to its end; $log ends with"
		tail -15 "$log"
		failed=$((failed + 1))
		return
	fi
	good=${counts%% passed*}
	bad=${counts#*, }
	bad=${bad%% failed*}
	# A suite that fails without a failed test has failed all the same.
	if [ "$status" != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
	passed=$((passed + good))
	failed=$((failed + bad))
	say "$name done: $counts"
}

scripts/setup/packages.sh build unit static fuzz lab unstable || exit 1

build_for() {
	local kdir
	kdir=$(scripts/setup/kernel.sh "$1" kdir) || return 1
	scripts/build/module.sh "$kdir" "build/$1" -j"$(nproc)"
}
suite unit make --no-print-directory check-unit
suite threads make --no-print-directory check-threads
suite fuzz make --no-print-directory check-fuzz
suite static make --no-print-directory check-static
for kernel in $kernels; do stage "build $kernel" build_for "$kernel"; done
stage "ABI documents" scripts/build/abi-check.sh
stage "features" scripts/features.sh --check Documentation/features.md
# One after the other: two emulators on two CPUs are slow enough for xl to lose
# its patience.
count=$(wc -w <<<"$kernels")
number=0
for kernel in $kernels; do
	number=$((number + 1))
	if [ -n "${ALL:-}" ]; then share=1/1; else share=$number/$count; fi
	suite "lab $kernel" scripts/lab/lab matrix --kernel "$kernel" --quiet --share "$share"
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
