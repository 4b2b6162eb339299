// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstdint>

#include "host/parameter.h"

namespace blkback {

// What one round of a queue's thread knows: read once, at its start.
struct Pass {
  uint64_t now_ms = 0;
  host_parameters parameters{};
  bool closing = false;  // take no more requests from the ring
};

}  // namespace blkback
