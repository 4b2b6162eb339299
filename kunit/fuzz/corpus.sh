#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# corpus.sh FOLDER TARGET... - reduce each target's corpus to few small files that
# cover as much as the old corpus and the files found by fuzz.sh.  Seeds are kept.
#
# A corpus has at most MOST_FILES files and MOST_BYTES bytes; smaller files are
# preferred.

folder=$1
shift
MOST_FILES=${MOST_FILES:-200}
MOST_BYTES=${MOST_BYTES:-200000}
for target in "$@"; do
	merged=$folder/merged/$target
	rm -rf "$merged"
	mkdir -p "$merged" "$folder/found/$target"
	cp "corpus/$target"/seed-* "$merged" 2>/dev/null
	# Merge by covered places, not by how often each is covered: that would keep
	# thousands of files.
	"$folder/fuzz-$target" -merge=1 -timeout=20 -use_counters=0 -set_cover_merge=0 "$merged" \
		"corpus/$target" "$folder/found/$target" >"$folder/merge-$target.log" 2>&1 || {
		tail -5 "$folder/merge-$target.log"
		exit 1
	}
	find "corpus/$target" -type f ! -name 'seed-*' -delete
	files=$(find "corpus/$target" -type f | wc -l)
	bytes=$(cat "corpus/$target"/seed-* 2>/dev/null | wc -c)
	mapfile -t found < <(find "$merged" -type f -printf '%s %f\n' | sort -n | cut -d' ' -f2)
	for file in "${found[@]}"; do
		case $file in seed-*) continue ;; esac
		size=$(wc -c <"$merged/$file")
		[ $((files += 1)) -le "$MOST_FILES" ] || break
		[ $((bytes += size)) -le "$MOST_BYTES" ] || break
		cp "$merged/$file" "corpus/$target/"
	done
	echo "corpus $target: $(find "corpus/$target" -type f | wc -l) files," \
		"$(cat "corpus/$target"/* | wc -c) bytes"
done
