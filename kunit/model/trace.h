// SPDX-License-Identifier: GPL-2.0
// Shows a run access by access (--trace).
#pragma once

#include <cstdint>

namespace model {

[[nodiscard]] const char* order_name(int order);

// The running thread has done `what`, from the address `caller`.
void trace(const char* what, const void* at, uint64_t value, int order, const void* caller);

}  // namespace model
