// SPDX-License-Identifier: GPL-2.0
// The cgroup that a device's I/O is charged to: the toolstack's node "io-cgroup".
#pragma once

#include "base/log_limits.h"
#include "host/device.h"
#include "vbd/vbd.h"

namespace blkback {

// Reads the node "io-cgroup", the path of a cgroup v2, and charges all later I/Os of the disk
// to that group.  Without the node, and when the group cannot be charged, which is logged,
// each I/O is charged to the cgroup of its ring's thread.
// Context: the device's work, before the connection serves.
void charge_disk(host_device* device, const Vbd& vbd, LogLimits& log);

}  // namespace blkback
