#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# "make check": all tests, from the fastest to those on real Xen.  The last lines print
# how often scenarios were repeated after a fault of the emulator, and "N passed, N
# failed".
#
# usage: check.sh [quick|all|debug-dom0]
#
#   (nothing)   each scenario runs on one of Debian's kernels
#   quick       for everyday use: the cases in user space, KUnit, and the main scenarios
#               on one kernel
#   debug-dom0  a dom0 with lockdep and kmemleak: SHARE=I/N of the scenarios (default
#               1/4), and those that need such a dom0
#   all         all scenarios, including the rare ones, on each kernel and in that dom0;
#               also KUnit under KCSAN, and Debian 12 as dom0 with the packages
#
# KERNELS="6.1 RELEASE" takes other kernels: those that scripts/setup/kernel.sh knows.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
extent=${1:-}
profiles="build unit model static fuzz lab kernel suites tools"
case $extent in
quick)
	kernels=${KERNELS:-6.1}
	profiles="build unit model lab kernel"
	;;
debug-dom0)
	kernels=${KERNELS:-6.12-lockdep}
	profiles="build lab kernel"
	;;
all)
	kernels=${KERNELS:-6.1 6.12 7.2 7.3 6.12-lockdep}
	profiles="$profiles deb debian"
	;;
*) kernels=${KERNELS:-6.1 6.12 7.2 7.3} ;;
esac
. scripts/tally.sh
repeated=0
logs=build/check
mkdir -p "$logs"
started=$(date +%s)

say() { printf '[%4d s] %s\n' $(($(date +%s) - started)) "$*"; }

# stage NAME COMMAND...: one test, whose result is the exit status of COMMAND.
stage() {
	local name=$1 log
	shift
	log=$logs/${name// /-}.log
	if "$@" >"$log" 2>&1; then
		say "ok   $name"
		tally_passed
	else
		say "FAIL $name: $log ends with"
		tail -15 "$log"
		tally_failed
	fi
}

# The lines of a suite that are shown while it runs.
is_news='^(ok|FAIL|NOTE|booting)|^\[  FAILED'

# suite NAME COMMAND...: tests that print "N passed, N failed" at the end.
suite() {
	local name=$1 log=$logs/${1// /-}.log
	shift
	say "$name ..."
	"$@" 2>&1 | tee "$log" | grep --line-buffered -E "$is_news"
	suite_ended "$name" "${PIPESTATUS[0]}"
}

# suite_start NAME COMMAND...: the same in the background, with low priority;
# suite_join NAME waits for it.  Only one suite at a time runs so.
beside=
trap '[ -z "$beside" ] || kill "$beside"' EXIT
suite_start() {
	local name=$1
	shift
	say "$name ... (beside the next one)"
	nice "$@" >"$logs/${name// /-}.log" 2>&1 &
	beside=$!
}

suite_join() {
	local status=0
	wait "$beside" || status=$?
	beside=
	grep -E "$is_news" "$logs/${1// /-}.log"
	suite_ended "$1" $status
}

suite_ended() { # NAME STATUS
	local log=$logs/${1// /-}.log
	if tally_suite "$log" "$2"; then
		say "$1 done: $counts"
	else
		say "FAIL $1: it did not come to its end; $log ends with"
		tail -15 "$log"
	fi
}

# chosen_for KERNEL: prints the arguments by which its lab chooses scenarios.
chosen_for() {
	local kernel number=0
	case $extent in
	quick) echo "no_xen attach_detach fio_verify module_reload protocol" ;;
	all) echo "--rare --set many_disks=30" ;;
	debug-dom0) echo "--share ${SHARE:-1/4}" ;;
	*)
		for kernel in $kernels; do
			number=$((number + 1))
			[ "$kernel" != "$1" ] || echo "--share $number/$(wc -w <<<"$kernels")"
		done
		;;
	esac
}

# lab KERNEL: runs the kernel's share of the scenarios; each must have a result.
lab_logs=()
lab() {
	local kernel=$1 log="$logs/lab-$1.log" again chosen
	read -ra chosen < <(chosen_for "$kernel")
	suite "lab $kernel" scripts/lab/lab matrix --kernel "$kernel" --quiet "${chosen[@]}"
	stage "results of lab $kernel" scripts/lab/choice.py results "$log" "$kernel" "${chosen[@]}"
	again=$(sed -nE 's/^repeated: ([0-9]+)$/\1/p' "$log" | tail -1)
	repeated=$((repeated + ${again:-0}))
	lab_logs+=("$log")
}

# shellcheck disable=SC2086 # a list of words
scripts/setup/packages.sh $profiles || exit 1
# An unknown kernel is an error now, not after half an hour.  Debug kernels are built below.
for kernel in $kernels; do
	case $kernel in
	6.12-*) ;;
	*)
		scripts/setup/kernel.sh "$kernel" version >/dev/null
		[ $? != 2 ] || exit 2
		;;
	esac
done

build_for() {
	local kdir
	kdir=$(scripts/setup/kernel.sh "$1" kdir) || return 1
	scripts/build/module.sh "$kdir" "build/$1" -j"$(nproc)"
}

# The cases of src/linux that need Xen run in a dom0 with a debug kernel, for which this
# builds them.  They also run in the driver domain with KASAN, for which "make
# check-kunit" builds them.
cases_for() {
	local flavour=${1#6.12-} kdir
	kdir=$(scripts/setup/kernel.sh "$1" kdir) || return 1
	scripts/build/kunit.sh linux "$kdir" "build/kunit/$flavour/linux" -j"$(nproc)" &&
		scripts/build/kunit.sh planted "$kdir" "build/kunit/$flavour/planted" -j"$(nproc)"
}

if [ "$extent" != debug-dom0 ]; then
	suite unit make --no-print-directory check-unit
	suite threads make --no-print-directory check-threads
	suite model make --no-print-directory check-model
fi
# The judges are tested before the suites that they judge.
if [ "$extent" != debug-dom0 ]; then
	stage "judge of KTAP" scripts/kunit/test-ktap
	suite "judge of the lab" scripts/lab/test_judge.py
	suite "tables of the profile" scripts/profile/test_profile.py
	suite "tool status" tools/tests/test_status.py
	suite "tool top" tools/tests/test_top.py
	suite "tools for bpftrace" tools/tests/test_bpftrace.py
fi
case $extent in
quick | debug-dom0) ;;
*)
	runs=()
	for kernel in $kernels; do runs+=("$kernel $(chosen_for "$kernel")"); done
	stage "shares of the scenarios" scripts/lab/choice.py shares "${runs[@]}"
	suite fuzz make --no-print-directory check-fuzz
	stage "ABI documents" scripts/build/abi-check.sh
	stage "features" scripts/features.sh --check Documentation/features.md
	;;
esac
# The KASAN kernel runs KUnit, and a driver domain runs it.
flavours=
[ "$extent" = debug-dom0 ] || flavours=kasan
for kernel in $kernels; do
	case $kernel in 6.12-*) flavours="$flavours ${kernel#6.12-}" ;; esac
done
case $extent in
quick | debug-dom0) ;;
*)
	for kernel in $kernels; do
		case $kernel in
		6.1 | 6.12)
			stage "package's sources, $kernel" scripts/packaging/check-tree.sh \
				"$(scripts/setup/kernel.sh "$kernel" kdir)" "build/dkms/$kernel"
			;;
		esac
	done
	stage "package versions" scripts/packaging/check-versions.sh
	stage "source archive" make --no-print-directory dist
	;;
esac
[ "$extent" != all ] || flavours="$flavours kcsan"
for flavour in $flavours; do
	say "debug kernel $flavour: built in eight minutes where it is not in the cache"
	stage "debug kernel $flavour" scripts/setup/debug-kernel.sh "$flavour" image
done
case $extent in
debug-dom0) ;;
quick) suite kunit make --no-print-directory check-kunit ;;
*)
	# KUnit waits for its compilers, and at the end for a single machine: it leaves
	# enough CPU time for the static checks.
	suite_start static make --no-print-directory check-static
	suite kunit make --no-print-directory check-kunit
	suite_join static
	;;
esac
if [ "$extent" = all ]; then
	suite "kunit kcsan" make --no-print-directory check-kunit FLAVOUR=kcsan
fi
builds=$kernels
case $extent in
quick | debug-dom0) ;;
*) builds="$kernels 6.12-kasan" ;;
esac
for kernel in $builds; do stage "build $kernel" build_for "$kernel"; done
for kernel in $kernels; do
	case $kernel in 6.12-*) stage "build cases for $kernel" cases_for "$kernel" ;; esac
done
case " $builds " in
*" 6.12 "*) suite "kernels 6.5 to 6.8" scripts/build/compat-check.sh build/6.12 ;;
esac
if [ "$extent" = all ]; then
	stage packages make --no-print-directory deb
	suite "debian dom0" scripts/lab/debian/check
fi
# One kernel at a time: two emulators on two CPUs are so slow that xl times out.
for kernel in $kernels; do lab "$kernel"; done
case $extent in
quick | debug-dom0) ;;
*)
	# The same check as above, now also against the results of the labs.
	stage "features as seen" scripts/features.sh --check Documentation/features.md "${lab_logs[@]}"
	;;
esac

echo "repeated after a fault of the emulator: $repeated"
tally_end
