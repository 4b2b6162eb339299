// SPDX-License-Identifier: GPL-2.0
// Checks of a fuzz target.  A check that fails aborts the run, so that the fuzzer keeps
// the input.
#pragma once

#include <string>

namespace fuzz {

void require(bool holds, const char* what);

// Requires that the fake host has no leaks.
void require_no_leaks();

}  // namespace fuzz
