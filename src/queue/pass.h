// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstdint>

#include "host/parameter.h"

namespace blkback {

// The values that one round of a queue's thread works with.  Read once, at the start of the round.
struct Pass {
  uint64_t now_ms = 0;
  host_parameters parameters{};
  bool closing = false;  // take no more requests from the ring
};

}  // namespace blkback
