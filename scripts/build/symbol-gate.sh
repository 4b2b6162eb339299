#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Refuses a C++ object that needs a run-time library or constructors that run at load
# time: such a module would not load, or not work.
#
# usage: symbol-gate.sh NM OBJDUMP OBJECT 'ALLOWED-PATTERN ...'
set -eu

nm=$1 objdump=$2 object=$3
# shellcheck disable=SC2086 # the patterns are a list of words
set -f -- $4

allowed=$(printf '%s\n' "$@" | paste -sd'|')
bad=$("$nm" --undefined-only --format=just-symbols "$object" | grep -Exv "($allowed)" || true)
# The linker would merge weak definitions with those of other objects, unseen by
# objtool.  Constructors are not run in a module.  Exception: with KASAN each object has
# one that registers its globals, named _sub_I_PRIORITY_NUMBER.
run_time=$("$nm" --format=just-symbols "$object" |
	grep -E '^(_GLOBAL__(sub_)?[ID]_|__cxa_|__dso_handle|_Zn[wa]|_Zd[la]|abort$|_ZTI|_ZTV)' || true)
foreign='init_array|fini_array|ctors|dtors|'
if "$nm" --format=just-symbols "$object" | grep -qE '^_sub_I_[0-9]+_[0-9]+$'; then foreign=; fi
sections=$("$objdump" -h "$object" | grep -oE "\\.(${foreign}eh_frame)\S*" || true)

if [ -n "$bad$run_time$sections" ]; then
	echo "$object: the C++ core may only use host_* and what compilers emit; it has" >&2
	for name in $bad $run_time $sections; do echo "  $name" >&2; done
	rm -f "$object"
	exit 1
fi
