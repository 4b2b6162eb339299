// SPDX-License-Identifier: GPL-2.0
#pragma once

namespace writelog {

// In dom0: does what a guest asks for (ask.h), without an end.  "mark WORDS" makes a mark in
// the log of the device-mapper disk.  Other words are given to the shell command.
[[noreturn]] void serve(const char* disk, const char* domain, const char* command);

}  // namespace writelog
