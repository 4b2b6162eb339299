#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Checks the C side for Linux 6.5 to 6.8, of which Debian has no headers: syntax and
# types of the files that include compat.h, with the headers of 6.12, in which the
# version and the functions that open a block device are replaced (compat/).  It shows
# no more than that: nothing is linked or run.
#
# usage: compat-check.sh BUILD-FOLDER      (of scripts/build/module.sh, for 6.12)
# Ends with "N passed, N failed".
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd) || exit 1
kdir=$("$top/scripts/setup/kernel.sh" 6.12 kdir) || exit 1
passed=0
failed=0

# compiles MINOR FILE: as Kbuild compiles it, for Linux 6.MINOR.
compiles() {
	local name command
	name=$(basename "$2" .c)
	command=$(sed -n '1s/^savedcmd_[^ ]* := *//p' "$build/src/linux/.$name.o.cmd")
	if [ -z "$command" ]; then
		echo "$build does not tell how $name.o was made: build the module for 6.12 there first"
		return 1
	fi
	command=$(sed -E "s% *;.*%%; s% -Wp,-MMD,[^ ]*%%; s% -c -o [^ ]*% -fsyntax-only -Werror%
		s% -nostdinc % -nostdinc -DCOMPAT_MINOR=$1 -I$top/scripts/build/compat %
		s% $build/% $top/%g; s%-I$build/%-I$top/%g
		s% [^ ]*/$name\.c *\$% -include $top/scripts/build/compat/opening.h $2%" <<<"$command")
	(cd "$kdir" && eval "$command")
}

count() { # NAME COMMAND...
	local name=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
		echo "ok   $name"
	else
		failed=$((failed + 1))
		echo "FAIL $name"
	fi
}

for minor in 5 6 7 8; do
	for file in $(cd "$top" && grep -l '"compat.h"' src/linux/*.c); do
		count "$file, Linux 6.$minor" compiles $minor "$top/$file"
	done
done

[ "$passed" != 0 ] || count "files that include compat.h" false
# 6.8 has no functions that 6.6 has: it must say so.
sample() {
	rm -rf "$build/compat-sample"
	cp -R "$top/src/linux" "$build/compat-sample"
	sed -i 's/KERNEL_VERSION(6, 7, 0)/KERNEL_VERSION(6, 9, 0)/' "$build/compat-sample/compat.h"
	compiles 8 "$build/compat-sample/block.c" 2>&1 | grep -q 'blkdev_get_by_dev'
}
count "compat, sample" sample

echo "$passed passed, $failed failed"
[ "$passed" != 0 ] && [ "$failed" = 0 ]
