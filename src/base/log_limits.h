// SPDX-License-Identifier: GPL-2.0
// How much a device may log: each kind of line has a limit of its own, so that
// a guest silences neither another guest's lines nor the rare lines of its own.
//
// The limits live as long as the device: a new connection does not renew them.
#pragma once

#include "host/log.h"

namespace blkback {

struct LogLimits {
  host_log_limit life{};      // connected, a ring halted
  host_log_limit disk{};      // the toolstack's wishes that cannot be met
  host_log_limit refused{};   // requests that break the protocol or the disk's bounds
  host_log_limit failed{};    // I/O that ended with an error
  host_log_limit flush{};     // the same of a flush
  host_log_limit grants{};    // grants that could not be mapped or kept
  host_log_limit shortage{};  // handles that Xen has no more of
  host_log_limit lost{};      // pages that the hypervisor did not give back
};

// Whose lines they are: the ring's name is the beginning of each.
struct RingLog {
  const char* name;
  LogLimits& limits;
};

}  // namespace blkback
