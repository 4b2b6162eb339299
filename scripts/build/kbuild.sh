# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Sourced by module.sh and kunit.sh.

# own_folder FOLDER MARK: files are removed from it, so it must be new, empty, or
# one that we made and that holds a file named MARK.
own_folder() {
	if [ -e "$1" ] && [ ! -e "$1/$2" ] && [ -n "$(ls -A "$1")" ]; then
		echo "$0: $1 holds other files than a build of ours" >&2
		exit 1
	fi
	mkdir -p "$1/scripts"
	touch "$1/$2"
}

# forget_removed FOLDER CHECKOUT: removes from FOLDER those of the sources listed
# on standard input that CHECKOUT no longer has.  Copies keep their times, so only
# what changed is compiled again; what was removed must not linger.
forget_removed() {
	while read -r file; do [ -e "$2/$file" ] || rm -f "$1/$file"; done
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
