// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <span>

#include "explore.h"

namespace model {

// What the checker itself must allow and forbid.
[[nodiscard]] std::span<const Case> litmus_cases();
// The driver's protocols, each alone.
[[nodiscard]] std::span<const Case> protocol_cases();
// Barriers over several rings.
[[nodiscard]] std::span<const Case> barrier_cases();
// Whole queues.
[[nodiscard]] std::span<const Case> queue_cases();

}  // namespace model
