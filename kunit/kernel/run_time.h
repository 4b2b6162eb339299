// SPDX-License-Identifier: GPL-2.0
// What the hosted headers of C++ need in a kernel: memory, and the few functions
// of the C library that are used.
#pragma once

#include <cstddef>

namespace run_time {

// Pieces of memory that were allocated and not freed since forget_allocations().
// A case that ends in the middle leaves its own behind.  forget_allocations()
// takes the memory of those away that came from operator new and are small.
[[nodiscard]] size_t allocations();
void forget_allocations();

}  // namespace run_time
