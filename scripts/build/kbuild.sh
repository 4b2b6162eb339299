# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Sourced by module.sh and kunit.sh, which set top, kdir and output.

# own_folder MARK: files are removed from $output, so it must be new, empty, or
# one that we made and that holds a file named MARK.
own_folder() {
	if [ -e "$output" ] && [ ! -e "$output/$1" ] && [ -n "$(ls -A "$output")" ]; then
		echo "$0: $output holds other files than a build of ours" >&2
		exit 1
	fi
	mkdir -p "$output/scripts"
	touch "$output/$1"
}

# forget_removed: of the sources listed on standard input, relative to $output,
# those that the checkout no longer has.  Copies keep their times, so only what
# changed is compiled again; what was removed must not linger.
forget_removed() {
	while read -r file; do [ -e "$top/$file" ] || rm -f "$output/$file"; done
}

# launcher: what compilers of the core are started with.  $1: a system's folder
launcher() {
	if [ -x "${1:-}/usr/bin/ccache" ]; then echo ccache; fi
}

# judge LOG STATUS: prints LOG; ends with STATUS, or with 1 for a warning.
# "Skipping BTF generation" is what 6.1's headers always say: they have no
# vmlinux to refer to.
judge() {
	cat "$1"
	[ "$2" = 0 ] || exit "$2"
	if grep -nE 'warning|objtool' "$1" >&2; then
		echo "$1: warnings are errors here" >&2
		exit 1
	fi
}
