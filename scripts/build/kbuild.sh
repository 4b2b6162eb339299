# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Sourced by module.sh and kunit.sh.

# own_folder FOLDER MARK: creates FOLDER with a file named MARK.  The build removes files
# from FOLDER: it must be new, empty, or have a MARK from an earlier build.
own_folder() {
	if [ -e "$1" ] && [ ! -e "$1/$2" ] && [ -n "$(ls -A "$1")" ]; then
		echo "$0: $1 holds other files than a build of ours" >&2
		exit 1
	fi
	mkdir -p "$1/scripts"
	touch "$1/$2"
}

# forget_removed FOLDER CHECKOUT: removes from FOLDER those of the sources listed
# on standard input that CHECKOUT no longer has.  FOLDER is kept between builds: copies
# keep their times, so that only changed files are compiled again.
forget_removed() {
	while read -r file; do [ -e "$2/$file" ] || rm -f "$1/$file"; done
}

# launcher [ROOT]: prints the launcher of the core's compilers: "ccache" when the system in
# ROOT (default: this one) has it.
launcher() {
	if [ -x "${1:-}/usr/bin/ccache" ]; then echo ccache; fi
}

# judge LOG STATUS: prints LOG.  Exits with STATUS if that is not 0, and with 1 for a
# warning.  "Skipping BTF generation" is no warning: 6.1's headers always cause it,
# because they have no vmlinux.
judge() {
	cat "$1"
	[ "$2" = 0 ] || exit "$2"
	if grep -nE 'warning|objtool' "$1" >&2; then
		echo "$1: warnings are errors here" >&2
		exit 1
	fi
}
