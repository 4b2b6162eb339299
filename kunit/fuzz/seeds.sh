#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Writes the seeds of the corpus: one for each behaviour that the fuzzer should not
# have to find by itself.  The bytes of a seed are the decisions of its target, in the
# order in which the target reads them.
set -eu
cd "$(dirname "$0")"

# seed TARGET NAME HEX...
seed() {
	file=corpus/$1/seed-$2
	mkdir -p "corpus/$1"
	shift 2
	: >"$file"
	for byte in "$@"; do
		# shellcheck disable=SC2059 # the format is the byte
		printf "\\$(printf %03o "0x$byte")" >>"$file"
	done
}

# The ring: its set-up, the host, the requests sent before the connection; then steps.
# 00 direct (operation and segments, sector, parts), 02 indirect, 03 discard,
# 08 show and kick, 0c run, 12 end an I/O, 16 00 settle.
seed ring reads 00 00 00  00 10 08 00 00  00 20 10 00 01 00 02  08 0c  16 00  01
seed ring persistent-packed 10 01 00  00 11 08 00 00  00 31 10 00 01 00 02 00 03  08 0c \
	00 10 08 00 00  08 0c  16 00  01
seed ring native-two-rings 16 10 02 10 00 00 03  00 10 08 00 00  0f  00 10 08 00 04  08 0c 12 00 00 16 00
seed ring indirect 10 01 00  02 00 0a 10 00 00 08  08 0c  02 01 0b 20 00 01 10  08 0c  16 00
seed ring indirect-large 00 00 00  02 02 06 02 05 01 00 00 80 02 00  08 0c  16 00
seed ring discard-parts 00 04 07 03 00 01  03 f8 08  03 01 10 08 0c 12 00 00 0c 12 00 00 0c 16 00
seed ring barrier 04 10 00  00 11 08 00 00  00 12 10 00 01  00 11 18 00 02  08 0c  0f \
	00 11 20 00 03  08 0c  12 00 00 0c 12 00 00 0c 12 00 00 0c  16 00
seed ring flushes 20 02 00  00 03 00  00 13 08 00 00  00 11 08 00 00  08 0c  16 00
seed ring bad-index 10 00 00  07 04 ff ff ff 7f  0b 0c  16 00  17  00 10 08 00 00  08 0c  16 00
seed ring unknown 00 00 00  04 00 01 07  00 c0 08  00 10 ff 00  03 02 ff 00  0a 0b 0c  16 00
seed ring no-pages 10 00 00  11 01  00 10 08 00 00  08 0c  0e 02  11 04  16 00
seed ring no-handles 10 00 00  11 0a 00  00 10 08 00 00  08 0c  0e 02  11 0a 08  16 00
seed ring no-grant 00 00 00  11 06 00 02  00 20 08 00 00 00 01  08 0c  16 00
seed ring held-page 00 10 00  00 10 08 00 00  08 0c  14 00  12 00 00 0c 0e 01  16 00
seed ring interrupted 10 10 00  00 10 08 00 00  08 0c  10 05  00 10 10 00 01  08 0c  03 00 00 01 03 06 00 00 16 00
seed ring reconnect 10 10 00  00 10 08 00 00  08 0c  17  00 10 08 00 00  08 0c  16 00  02
seed ring remove-in-flight 10 10 00  00 10 08 00 00  00 11 10 00 01  08 0c  00 02

# The grants: the mode (07: no persistent grants); then steps.  00 map (jobs, then
# each job's shape and first grant), 03 release, 05 borrow, 06 give back, 07 and 08
# purge, 09 to 0b let the purger run, 0c trouble, 0d hold a page, 0e limits.
seed grants reuse 00  00 00 03 00  03 00 00  00 00 03 00  03 00 00  08 09
seed grants lru 00  0e 03 00  00 02 02 00 02 04 01 06  03 00 03  00 00 02 00  03 00 00  0e 02 00  07 09
seed grants too-old 00  0e 00 03  00 00 03 00  03 00 00  0a ff  07 09
seed grants overflow 00  0e 04 00  00 00 08 00  03 00 00  0a 80  07 09  00 00 08 00  03 00 00
seed grants duplicates 00  00 01 03 00 03 00  03 00 01  08 09
seed grants ordinary 07  00 01 83 00 8b 16  03 00 01  09
seed grants no-pages 00  0c 04 05  00 02 03 00 04 08 03 01  03 00 02  0c 05  00 00 08 08  03 00 00  08 09
seed grants no-handles 00  0c 08 05  00 02 03 00 04 08 03 01  03 00 02  0c 09  00 00 08 08  03 00 00  08 09
seed grants no-grant 00  0c 06 01  00 00 03 00  03 00 00  00 00 03 18  03 00 00  08 09
seed grants held 00  00 00 03 00  03 00 00  0d 00 01  08 09  0d 01  0a 0a
seed grants lost 00  0c 07 01  00 00 03 00  03 00 00  08 09  00 00 03 00  03 00 00
seed grants borrowed 00  00 00 03 00  03 00 00  05 01 05 01  08 09  06 00 06 00  08 09
seed grants no-memory 00  0c 01  00 00 03 00  03 00 00  0c 03  00 00 03 00  03 00 00  0f 02

# The state machine: its set-up; then steps.  00 frontend state, 02 offer, 03 event,
# 04 and 05 nodes, 06 switch to the other device, 07 unbind, 08 bind, 09 run, 0b run
# once, 0d I/O, 0e end an I/O, 0f trouble, 10 disk, 11 parameters, 12 interrupt.
seed device serve 08  0d 00  09  0d 01 09  00 05 09 00 06 09 00 01 09 02 00 03 09  0d 00 09
seed device slow 10  13 08 09 02 00 03 09 00 04 09 0d 00 09
seed device rebind 0a  0e 01  0d 00 09  07 08 09  0e 01 09  00 03 09
seed device gone-disk 09  10 02 09  00 05 09 00 06 09  10 02 09
seed device resize 08  10 01 09  10 01 09
seed device bad-nodes 20  04 01 00 02 00 03 09  04 02 00 06 00 03 09  04 05 00 09 00 03 09  05 00 00 0a 09
seed device finished 08  05 03 00 00 09 00 05 09 00 06 09  03 00 09
seed device failures 20  0f 00 03  00 03 09  00 06 09 00 01 09  0f 00 0a  02 00 03 09
seed device interrupted 26  12 01 05  00 03 09 00 03 00  12 01 0a 00 05 09
seed device two 08  06 13 08 02 09 00 03 09 0d 00 09  06 0d 00 09  07 06 07
seed device strange-states 08  00 f0 07 00 00 00 09  00 f0 ff ff ff ff 09
seed device squeeze 18  13 08 09 02 00 03 09  0d 00 09  03 05 09  11 30 09  0d 00 0c ff
