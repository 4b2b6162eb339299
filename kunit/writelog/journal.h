// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstdint>

namespace writelog {

// A journal of records in a file system, each made durable by the means that programs have:
//
//   record % 4 == 0   appended to the file "log", fsync()
//   record % 4 == 1   a file of its own, fsync() of the file and of the folder
//   record % 4 == 2   "current" replaced by rename(), fsync() of the file before, of the folder
//   after record % 4 == 3   a block of "slots" overwritten, O_DIRECT and O_DSYNC
//
// After each record dom0 is asked for the mark "acknowledged RECORD".  A thread beside writes
// to a file that nobody makes durable.  Stops after `count` records; returns whether all went
// well.
bool write_journal(const char* folder, uint64_t count);

// Are all records up to `acknowledged` there?  Later ones may be.
bool check_journal(const char* folder, uint64_t acknowledged);

}  // namespace writelog
