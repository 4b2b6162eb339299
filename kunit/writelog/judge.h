// SPDX-License-Identifier: GPL-2.0
#pragma once

#include "log.h"

namespace writelog {

// Replays the log of a disk on which the frontend's case "durable" ran, and looks at each of
// its marks at what a loss of the disk's cache would have left.  Prints a line for each cell,
// and returns whether all was there.
//
// A mark is "point CELL UPTO OWN": a flush or a barrier was answered before the mark.  All
// writes with numbers up to UPTO had to be durable then, by the rules of the protocol, and
// the write OWN, the data of the request itself (0: it had none).
bool judge(const Log& log);

}  // namespace writelog
