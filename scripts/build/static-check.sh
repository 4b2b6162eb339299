#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# "make check-static": static checks of the sources.  Ends with "N passed, N failed".
# Each tool also gets a sample that it must refuse, so that a tool that checks nothing
# does not pass.
#
# usage: static-check.sh [NAME...]  all checks, or those whose names begin with NAME;
#                                   JOBS is the number of parallel jobs
#        static-check.sh --format   formats C and C++ with .clang-format
set -u

cd "$(dirname "$0")/../.." || exit 1
top=$PWD
out=$top/build/static
jobs=${JOBS:-$(nproc)}
# Debian 12 and 13 both have this version.  It is the oldest that supports all of the
# core's C++.
llvm=19
mkdir -p "$out"

wanted=("$@")
. scripts/tally.sh

is_wanted() { # NAME
	local prefix
	[ ${#wanted[@]} != 0 ] || return 0
	for prefix in "${wanted[@]}"; do case $1 in "$prefix"*) return 0 ;; esac; done
	return 1
}

# check NAME COMMAND...: passes when COMMAND succeeds.
check() {
	local name=$1 log
	shift
	is_wanted "$name" || return 0
	log=${name//[ ,]/-}
	log=$out/${log//--/-}.log
	if "$@" >"$log" 2>&1; then
		echo "ok   $name"
		tally_passed
	else
		echo "FAIL $name: $(wc -l <"$log") lines in ${log#"$top/"}, which begins with"
		head -20 "$log"
		tally_failed
	fi
}

# refused WORDS COMMAND...: succeeds when COMMAND fails and prints WORDS.
refused() {
	local words=$1
	shift
	if "$@" >"$out/refused" 2>&1; then
		echo "it was not refused"
		return 1
	fi
	grep -q -e "$words" "$out/refused" || {
		echo "it was refused for another reason than '$words':"
		cat "$out/refused"
		return 1
	}
}

# The core's own flags, as its build has them.
read -ra flags < <(printf 'include scripts/build/core.mk\nprint:\n\t@echo $(blkback-own-flags)\n' | make -s -f - print)
flags+=(-Iinclude -Isrc)
[ -z "${XEN_HEADERS:-}" ] || flags+=(-isystem "$XEN_HEADERS")

mapfile -t core < <(find src -name '*.cc' | sort)
mapfile -t kernel_c < <(find scripts/profile src/linux kunit/linux kunit/kernel/glue kunit/planted/glue include -name '*.[ch]' | sort)
mapfile -t cplusplus < <(find src kunit \( -name '*.cc' -o -name '*.h' \) \
	-not -path 'src/linux/*' -not -path 'kunit/linux/*' | sort)
mapfile -t scripts < <(grep -rlE '^(#!.*sh$|# shellcheck shell=)' scripts kunit .ci | sort)

if [ "${1:-}" = --format ]; then
	exec "clang-format-$llvm" -i "${cplusplus[@]}" "${kernel_c[@]}"
fi

# --- clang's thread-safety analysis ---------------------------------------

analyse() {
	"clang++-$llvm" -fsyntax-only "${flags[@]}" -Werror -Wthread-safety -Wthread-safety-beta "$@"
}

thread_safety() {
	local file status=0
	for file in "${core[@]}"; do analyse "$file" || status=1; done
	return $status
}

thread_safety_sample() {
	cat >"$out/sample.cc" <<-'EOF'
		#include "base/lock.h"

		class Sample {
		 public:
		  int value() {
		#ifdef HELD
		    const blkback::SpinGuard guard(lock_);
		#endif
		    return value_;
		  }

		 private:
		  blkback::SpinLock lock_{HOST_LOCK_POOL};
		  int value_ BLKBACK_GUARDED_BY(lock_) = 0;
		};

		int sample(Sample& sample);
		int sample(Sample& sample) { return sample.value(); }
	EOF
	analyse -DHELD "$out/sample.cc" && refused Wthread-safety-analysis analyse "$out/sample.cc"
}

# Each lock is declared in the file of the members that it guards, and is taken only by
# a SpinGuard.
locks() {
	local file name status=0
	while read -r file name; do
		grep -q "BLKBACK_GUARDED_BY($name)" "$file" || {
			echo "$file: nothing is guarded by $name"
			status=1
		}
	done < <(grep -rnoE 'SpinLock [a-z_]+[{;]' src --include='*.h' --include='*.cc' |
		sed -E 's/:[0-9]+:SpinLock ([a-z_]+).*/ \1/')
	if grep -rn 'host_spinlock_' src --include='*.h' --include='*.cc' | grep -v '^src/base/lock.h:'; then
		echo "use a SpinGuard"
		status=1
	fi
	return $status
}

# --- clang-tidy and clang-format ------------------------------------------

# What clang-tidy found nothing in is not given to it again: a file takes it ten seconds.
# The key holds all that it sees, comments included.
tidied=${XDG_CACHE_HOME:-$HOME/.cache}/xen-blkback/clang-tidy
tidy_file() { # FILE
	local key
	key=$( ("clang-tidy-$llvm" --version; cat .clang-tidy; echo "$1 ${flags[*]}"
		"clang++-$llvm" -E -C "${flags[@]}" "$1") 2>&1 | sha256sum | cut -c1-32)
	if [ -e "$tidied/$key" ]; then
		touch "$tidied/$key"
		return 0
	fi
	"clang-tidy-$llvm" --quiet --config-file=.clang-tidy "$1" -- "${flags[@]}" || return 1
	touch "$tidied/$key"
}

tidy() (
	set -o pipefail
	mkdir -p "$tidied"
	find "$tidied" -type f -mtime +60 -delete
	export -f tidy_file
	export llvm tidied
	# An array cannot be exported.
	printf '%s\n' "$@" | xargs -P "$jobs" -I FILE bash -c 'flags=("${@:2}"); tidy_file "$1"' - FILE "${flags[@]}" 2>&1 |
		{ grep -vE '^([0-9]+ warnings? (generated|treated)|Suppressed|Use -header-filter)' || true; }
)

tidy_sample() {
	cat >"$out/sample.cc" <<-'EOF'
		int* sample(long* number);
		int* sample(long* number) { return (int*)number; }
	EOF
	refused cppcoreguidelines-pro-type-cstyle-cast tidy "$out/sample.cc"
}

layout() { "clang-format-$llvm" --dry-run -Werror "$@"; }

layout_sample() {
	printf 'int sample( int x );\n' >"$out/sample.h"
	refused clang-format-violations layout "$out/sample.h"
}

# --- sparse ----------------------------------------------------------------

# C=2: Kbuild runs sparse on every file, even if it is up to date.  No module is linked.
sparse_in() { # FOLDER OBJECT...
	local folder=$1
	shift
	make -C "$kdir" M="$folder" C=2 W=1 -j"$jobs" "$@" >"$folder/sparse.log" 2>&1 || {
		cat "$folder/sparse.log"
		return 1
	}
	# Findings in the kernel's own headers do not count.
	! grep -E "^$folder/.*(warning|error):" "$folder/sparse.log"
}

sparse_all() {
	local objects
	kdir=$(scripts/setup/kernel.sh 6.1 kdir) || return 1
	rm -rf "$out/sparse/src" "$out/sparse/include"
	mkdir -p "$out/sparse"
	cp -pR Kbuild src include scripts "$out/sparse/"
	objects=$(find src/linux -name '*.c' | sed 's/c$/o/' | sort)
	# shellcheck disable=SC2086 # a list of words
	sparse_in "$out/sparse" $objects
}

sparse_sample() {
	echo 'u32 sample(void *memory) { return *(__force __be32 *)memory; }' >>"$out/sparse/src/linux/time.c"
	refused 'different base types' sparse_in "$out/sparse" src/linux/time.o
}

# --- checkpatch ------------------------------------------------------------

# Prints the types of findings that do not apply to a file; the comments say why.
checkpatch_ignores() {
	case $1 in
	src/linux/compat.h)
		# The only file that checks kernel versions: both sides of these
		# comparisons look like constants.  Its typedef names a different type
		# for each kernel.
		echo LINUX_VERSION_CODE,CONSTANT_COMPARISON,NEW_TYPEDEFS
		;;
	src/linux/trace.h)
		# Its macros are laid out as the kernel's own tracepoints are, and declare
		# functions without a semicolon behind them.
		echo PREFER_KERNEL_TYPES,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT,TRAILING_SEMICOLON
		;;
	kunit/kernel/glue/suites.c)
		# Its macros make functions and tables from a list of names.
		echo COMPLEX_MACRO,AVOID_EXTERNS,TRAILING_SEMICOLON
		;;
	scripts/profile/*)
		# Programs of user space: no BIT(), the formats of <inttypes.h>, the names of
		# QEMU's interface, and macros of assembly.
		echo PREFER_KERNEL_TYPES,BIT_MACRO,CAMELCASE,NEW_TYPEDEFS,COMPLEX_MACRO
		;;
	include/* | kunit/kernel/glue/harness.h)
		# The host interface is C++, too: no kernel types, no __printf(), and
		# macros that open and close extern "C".
		echo PREFER_KERNEL_TYPES,PREFER_DEFINED_ATTRIBUTE_MACRO,COMPLEX_MACRO
		;;
	*)
		# Functions of the host interface use its types.  Macros with arguments
		# declare something here: the arguments are names.
		echo PREFER_KERNEL_TYPES,MACRO_ARG_REUSE
		;;
	esac
}

checkpatch() {
	local folder file said status=0
	folder=$(scripts/setup/checkpatch.sh) || return 1
	for file in "$@"; do
		# checkpatch leaves a file in its working folder.
		said=$(cd "$out" && perl "$folder/checkpatch.pl" --no-tree --root="$folder" --strict --terse \
			--show-types --ignore "$(checkpatch_ignores "$file")" --file "$top/$file" 2>&1) && continue
		# After its findings checkpatch prints a total.  CamelCase names that begin
		# with Xenbus are the kernel's.
		if ! grep -q '^total: ' <<<"$said"; then
			echo "$file: checkpatch did not come to its end: $said"
			status=1
		fi
		grep -vE '^total: |CAMELCASE: Avoid CamelCase: <Xenbus' <<<"$said" && status=1
	done
	return $status
}

checkpatch_sample() {
	printf '/* SPDX-License-Identifier: GPL-2.0 */\nint sample( int x );\n' >"$out/sample.h"
	refused ERROR:SPACING checkpatch "${out#"$top/"}/sample.h"
}

# --- shellcheck ------------------------------------------------------------

shell_sample() {
	printf '#!/bin/sh\nrm $1\n' >"$out/sample.sh"
	refused SC2086 shellcheck "$out/sample.sh"
}

# --- cases of hostile frontends ---------------------------------------------

hostile_build() { make -s -C kunit/frontend O="$out/frontend" "$out/frontend/language-test" "$out/frontend/case-check"; }

hostile_language() { hostile_build && "$out/frontend/language-test"; }

# Each case file can be read, and security.md says what it showed.
hostile_cases() {
	local file name status=0
	hostile_build && "$out/frontend/case-check" scripts/lab/hostile/*.case || return 1
	for file in scripts/lab/hostile/*.case; do
		name=$(basename "$file" .case)
		grep -qF "\`$name\`" Documentation/security.md || {
			echo "Documentation/security.md lacks $name"
			status=1
		}
	done
	return $status
}

hostile_sample() {
	printf 'shows a sample\ncovers nothing\nconect\n' >"$out/sample.case"
	refused 'sample.case:3: there is no statement' "$out/frontend/case-check" "$out/sample.case"
}

check "thread safety" thread_safety
check "thread safety, sample" thread_safety_sample
check "locks" locks
check "clang-tidy" tidy "${core[@]}"
check "clang-tidy, sample" tidy_sample
check "clang-format" layout "${cplusplus[@]}" "${kernel_c[@]}"
check "clang-format, sample" layout_sample
check "sparse" sparse_all
check "sparse, sample" sparse_sample
check "checkpatch" checkpatch "${kernel_c[@]}"
check "checkpatch, sample" checkpatch_sample
check "hostile cases, language" hostile_language
check "hostile cases" hostile_cases
check "hostile cases, sample" hostile_sample
check "shellcheck" shellcheck "${scripts[@]}"
check "shellcheck, sample" shell_sample

tally_end
