// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <span>

#include "driver.h"
#include "explore.h"

namespace model {

// What the checker itself must allow and forbid.
[[nodiscard]] std::span<const Case> litmus_cases();
// The driver's protocols, each alone.
[[nodiscard]] std::span<const Case> protocol_cases();
// Whole queues.
[[nodiscard]] std::span<const Case> queue_cases();

// Is it a case's own thread?  Then does what the case wants.
[[nodiscard]] bool does_own_work(driver_queue* queue, uint32_t& next_ms);

}  // namespace model
