#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# coverage.sh FOLDER TARGET... - run the cases and the corpus with the binaries in
# FOLDER, which are built for coverage, and print the core's coverage by file.

folder=$1
shift
rm -f "$folder"/*.profraw
LLVM_PROFILE_FILE=$folder/cases.profraw "$folder/cases" >"$folder/cases.log" 2>&1 || {
	tail -15 "$folder/cases.log"
	exit 1
}
objects=
for target in "$@"; do
	objects="$objects -object $folder/fuzz-$target"
	LLVM_PROFILE_FILE=$folder/$target.profraw "$folder/fuzz-$target" "corpus/$target"/* \
		>"$folder/$target.log" 2>&1 || {
		tail -15 "$folder/$target.log"
		exit 1
	}
done
llvm-profdata merge -sparse -o "$folder/all.profdata" "$folder"/*.profraw || exit 1
# The row of a file has thirteen columns: its name, then for regions, functions, lines
# and branches each the total, the number missed and the percentage covered.
# shellcheck disable=SC2086 # a list of words
llvm-cov report "$folder/cases" $objects -instr-profile="$folder/all.profdata" 2>"$folder/report.log" |
	awk '
		function row(name, lines, missed_lines, branches, missed_branches) {
			printf "%-28s %5d of %5d  %6.2f %%   %5d of %5d  %6.2f %%\n", name,
				lines - missed_lines, lines, lines ? 100 * (1 - missed_lines / lines) : 100,
				branches - missed_branches, branches,
				branches ? 100 * (1 - missed_branches / branches) : 100
		}
		NF == 13 && sub(/^.*src\//, "", $1) {
			if (!files++) printf "%-28s %25s   %25s\n", "src/", "lines", "branches"
			row($1, $8, $9, $11, $12)
			lines += $8; missed_lines += $9; branches += $11; missed_branches += $12
		}
		END {
			row("total", lines, missed_lines, branches, missed_branches)
			exit(files == 0)
		}'
