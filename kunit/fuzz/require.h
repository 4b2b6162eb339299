// SPDX-License-Identifier: GPL-2.0
// What must hold in a fuzz target: what does not ends the run, so that the
// fuzzer keeps the input.
#pragma once

#include <string>

namespace fuzz {

void require(bool holds, const char* what);

// The host has nothing left over.
void require_no_leaks();

}  // namespace fuzz
