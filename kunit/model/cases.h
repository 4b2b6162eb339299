// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <span>

#include "explore.h"

namespace model {

// What the checker itself must allow and forbid.
[[nodiscard]] std::span<const Case> litmus_cases();
// The driver's protocols.
[[nodiscard]] std::span<const Case> driver_cases();

}  // namespace model
