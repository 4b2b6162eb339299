# SPDX-License-Identifier: GPL-2.0
#
# Judges the log of dm-log-writes after kunit/frontend/durable.cc has used the disk.  The
# log has a write where it had become durable: after a flush that followed its end, or
# where it ended if it was forced to the medium (FUA).
#
# Input: od -An -v -tu8 -w512 LOG: a line for each sector.  The first sector tells the
# number of entries; an entry is a sector (disk sector, length in sectors, flags, ...) and
# the data.  A page of data begins with MARK << 32 | PAGE << 16 and the next number;
# MARK is twice the round's number, and one more for the data of the request that makes
# the round durable.  Round 0 is not judged.
#
# Set `pages`: of the writes of a round; `with_data`: 1 if the request has a page, too.
# Prints what is wrong, at the end "N rounds are durable", and fails when something is.
function wrong(text) {
	print "round " round ": " text
	faults++
}

# All of the round was answered before what is here in the log.
function judge_round() {
	if (!round)
		return
	rounds++
	if (found + 0 != pages)
		wrong(found + 0 " of " pages " pages of its writes were in the log when the next round began")
	else if (unflushed)
		wrong("no flush behind its writes when the next round began")
	if (with_data && !found_request)
		wrong("the data of its last request was not in the log when the next round began")
	else if (with_data && unforced)
		wrong("the data of its last request was neither forced nor flushed when the next round began")
}

function page(mark, forced,    of, request) {
	request = mark % 2
	of = (mark - request) / 2
	if (!of)
		return
	if (of < round) {
		print "round " of ": a page became durable only after round " round " began"
		faults++
		return
	}
	if (of > round) {
		judge_round()
		round = of
		found = found_request = unflushed = unforced = 0
	}
	if (request) {
		found_request = 1
		unforced = !forced
	} else {
		found++
		unflushed = unflushed || !forced
	}
}

NR == 1 {
	entries = $3
	next
}
left > 0 { # data of the entry
	left--
	if (sector++ % 8 == 0 && $2 == $1 + 1 && $1 % 65536 == 0)
		page(int($1 / 4294967296), forced)
	next
}
entry == entries { exit }
{
	entry++
	flags = $3
	if (flags % 2)
		unflushed = unforced = 0
	forced = int(flags / 2) % 2
	left = int(flags / 4) % 4 ? 0 : $2 # a discard and a mark have no data
	sector = 0
}
END {
	judge_round()
	print rounds + 0 " rounds are durable" (faults ? ", with " faults " faults" : "")
	exit faults > 0 || !rounds
}
