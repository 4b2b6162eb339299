// SPDX-License-Identifier: GPL-2.0
// The rate limits of a device's log lines.  Each kind of line has its own limit, so that
// a guest suppresses neither another guest's lines nor its own rare lines.
//
// The limits live as long as the device: a new connection does not reset them.
#pragma once

#include "host/log.h"
#include "host/trace.h"

namespace blkback {

struct LogLimits {
  host_log_limit life{};      // connected, prepared for reconnect, a ring halted
  host_log_limit disk{};      // the toolstack asks for something unsupported
  host_log_limit charge{};    // the cgroup that is charged
  host_log_limit refused{};   // requests that the protocol or the disk does not allow
  host_log_limit failed{};    // requests that failed; mistakes of the driver
  host_log_limit flush{};     // flushes that failed
  host_log_limit grants{};    // grants that could not be mapped or kept
  host_log_limit shortage{};  // Xen has no more handles
  host_log_limit cap{};       // the guest's memory cap
  host_log_limit lost{};      // pages that the hypervisor did not unmap
};

// How a ring logs and traces: `name` is the ring's and begins each line, `ring` is in each event.
struct RingLog {
  const char* name = "";
  LogLimits& limits;
  host_trace_ring ring{};
};

}  // namespace blkback
