#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the driver with a fault that loses data, and runs the scenario "durability" with it:
# the scenario must fail, and name the requests that the fault concerns and no others.
#
# usage: durability-faults.sh [KERNEL [FAULT...]]     (6.1 and all faults when not given)
#
# The last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
kernel=${1:-6.1}
[ $# = 0 ] || shift
folder=$PWD/build/faults
passed=0 failed=0

# fault NAME FILE SED "KIND...": the change of that file, and the requests that then lose data.
fault() {
	local name=$1 file=$2 change=$3 expected=$4 tree=$folder/$1/tree said
	rm -rf "$tree"
	mkdir -p "$tree/scripts"
	cp -pR Kbuild src include "$tree/"
	cp -pR scripts/build scripts/setup "$tree/scripts/"
	sed -i "$change" "$tree/$file"
	if cmp -s "$file" "$tree/$file"; then
		echo "FAIL $name: $file has changed: the fault cannot be planted"
		failed=$((failed + 1))
		return
	fi
	if ! "$tree/scripts/build/module.sh" "$kdir" "$folder/$name/$kernel" "-j$(nproc)" >"$folder/$name/build.log" 2>&1; then
		echo "FAIL $name: it does not build: $folder/$name/build.log"
		failed=$((failed + 1))
		return
	fi
	said=$(scripts/lab/lab run --kernel "$kernel" --quiet --ko "$folder/$name/$kernel/xen-blkback.ko" durability |
		tee "$folder/$name/lab.log" | sed -nE 's/^FAIL .*: (lost at .*) ; log: .*/\1/p')
	if [ "$said" = "lost at $expected" ]; then
		echo "ok   $name: $said"
		passed=$((passed + 1))
	else
		echo "FAIL $name: the scenario says '${said:-nothing of a loss}', not 'lost at $expected': $folder/$name/lab.log"
		failed=$((failed + 1))
	fi
}

kdir=$(scripts/setup/kernel.sh "$kernel" kdir) || exit 1
mkdir -p "$folder"
[ $# != 0 ] || set -- no-preflush no-fua early-flush own-ring
for name; do
	case $name in
	no-preflush) # the disk's cache is not flushed before the data
		fault "$name" src/queue/slot.cc 's/flags = HOST_IO_PREFLUSH | HOST_IO_FUA;/flags = HOST_IO_FUA;/' \
			"barrier barrier-behind-writes flush-with-data"
		;;
	no-fua) # the data itself stays in the disk's cache
		fault "$name" src/queue/slot.cc 's/flags = HOST_IO_PREFLUSH | HOST_IO_FUA;/flags = HOST_IO_PREFLUSH;/' \
			"barrier barrier-behind-writes flush-with-data"
		;;
	early-flush) # an empty flush is sent to the disk, and answered at once
		fault "$name" src/linux/block.c '/^	else$/{
			N
			s/.*/	else if (io->operation == HOST_IO_FLUSH) {\
		struct bio *flush = bio_alloc(compat_bdev(io->disk->handle), 0, REQ_OP_WRITE | REQ_PREFLUSH, GFP_NOIO);\
\
		flush->bi_end_io = bio_put;\
		submit_bio(flush);\
		io_bio_done(bio);\
	} else\
		submit_bio(bio);/
		}' "empty-barrier flush"
		;;
	own-ring) # a barrier waits only for the writes of its own ring
		fault "$name" src/queue/write_order.cc \
			'/if (writes_.load(std::memory_order_relaxed) != 0) return false;/a\  return true;' \
			"barrier-behind-writes"
		;;
	*) echo "there is no fault $name" >&2 && exit 2 ;;
	esac
done
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]
