#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Prints how the core and its cases are compiled in user space, in the format that
# clang's tools and editors read.
#
# usage: compile-commands.sh > compile_commands.json
set -eu

cd "$(dirname "$0")/../.."
commands=$(make --no-print-directory -C kunit -Bn ../build/kunit/cases)
printf '%s\n' "$commands" |
	python3 -c '
import json, re, shlex, sys
folder = sys.argv[1]
entries = []
for line in sys.stdin:
    found = re.search(r"(?:^|\s)g\+\+ .* -c .*", line)
    if not found:
        continue
    words = shlex.split(found[0])
    source = next(word for word in words if word.endswith(".cc"))
    entries.append({"directory": folder, "file": source, "arguments": words})
if not entries:
    sys.exit("compile-commands.sh: make names no compilation")
json.dump(entries, sys.stdout, indent=1)
' "$PWD/kunit"
