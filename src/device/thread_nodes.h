// SPDX-License-Identifier: GPL-2.0
// The nodes of our xenstore directory that tell the host's programs the rings' threads:
// "kthread-pid" for a connection of one ring, "queue-N/kthread-pid" for one of more.
//
// The names and the shape are those that XenServer's xenopsd reads; a program that finds
// "kthread-pid" looks for no other.  A failure is logged, and the guest is served all the same.
#pragma once

#include "base/log_limits.h"
#include "device/connection.h"

namespace blkback {

// Writes the nodes.  First removes those that an earlier connection or another module has
// left.  Context: the device's work.
void name_threads(host_device* device, const Connection& connection, LogLimits& log);

// Removes the nodes: the threads are about to end, and their numbers will be used again.
// Context: the device's work.
void forget_threads(host_device* device, LogLimits& log);

}  // namespace blkback
