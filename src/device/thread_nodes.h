// SPDX-License-Identifier: GPL-2.0
// The nodes of our xenstore directory that tell the host's programs the rings' threads:
// "kthread-pid" for a connection of one ring, "queue-N/kthread-pid" for one of more.
//
// The names and the shape are those that XenServer's xenopsd reads; a program that finds
// "kthread-pid" looks for no other.  A driver domain writes none: those programs run in the
// initial domain.
#pragma once

#include <span>

#include "base/log_limits.h"
#include "base/owned.h"
#include "device/connection.h"
#include "host/store.h"

namespace blkback {

class ThreadNodes {
 public:
  // Removes the nodes that an earlier connection or another module has left.  Returns false,
  // and logs the reason, if the threads are not to be named.  Context: the device's work.
  [[nodiscard]] static bool prepare(host_device* device, LogLimits& log);

  // Returns `nodes` and behind them those of the connection's threads; `nodes` alone if there
  // is no memory.  Valid until the next call.
  [[nodiscard]] std::span<const host_store_node> with_those_of(
      const Connection& connection, std::span<const host_store_node> nodes);

  // Removes the connection's nodes, if there are any: the threads are about to end, and their
  // numbers will be used again.  A failure is logged.  Context: the device's work.
  static void remove(host_device* device, const Connection& connection, LogLimits& log);

 private:
  struct Name {
    char text[32];
  };
  OwnedArray<Name> names_;
  OwnedArray<host_store_node> nodes_;
};

}  // namespace blkback
