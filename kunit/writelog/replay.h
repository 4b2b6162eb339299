// SPDX-License-Identifier: GPL-2.0
#pragma once

#include "log.h"

namespace writelog {

// Prints a line "INDEX KIND ACKNOWLEDGED" for each point of the log: KIND is "mark", "flush" or
// "fua", and INDEX counts the entries up to that point.  ACKNOWLEDGED is the number of the
// last mark "acknowledged NUMBER" up to there.
void print_points(const Log& log);

// Writes the data of the entries from `from` to `to` (not included) to the image of the disk.
// A discard is not replayed: what a disk returns after it is not promised.
void replay(const Log& log, const char* image, uint64_t from, uint64_t to);

}  // namespace writelog
