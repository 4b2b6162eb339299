// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstdint>

#include "host/time.h"

namespace blkback {

// The time within one round of a queue's thread, for the statistics.  A look at the clock costs
// as much as the rest of a request's statistics, so it is read again only after something that may
// have taken long: a hypercall, a copy of data, a large batch, a submission.
class RoundClock {
 public:
  // In nanoseconds of host_time_ns(), as of the last look.
  [[nodiscard]] uint64_t now_ns() {
    if (now_ns_ == 0) now_ns_ = host_time_ns();
    return now_ns_;
  }
  void took_long() { now_ns_ = 0; }

 private:
  uint64_t now_ns_ = 0;  // 0: the next now_ns() reads the clock
};

}  // namespace blkback
