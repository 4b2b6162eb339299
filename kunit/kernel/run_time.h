// SPDX-License-Identifier: GPL-2.0
// What the hosted C++ headers need in a kernel: memory, and a few functions of the
// C library.
#pragma once

#include <cstddef>

namespace run_time {

// allocations() is the number of pieces of memory that were allocated and not freed
// since forget_allocations().  A case that ends in the middle leaves its memory
// behind.  forget_allocations() frees the small pieces from operator new and the
// guests' pages among it, and not the rest.
[[nodiscard]] size_t allocations();
void forget_allocations();

}  // namespace run_time
