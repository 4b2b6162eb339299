// SPDX-License-Identifier: GPL-2.0
// What the toolstack says of the disk in our xenstore directory.
#pragma once

#include "base/result.h"
#include "driver.h"
#include "host/store.h"
#include "vbd/vbd.h"

namespace blkback {

struct BackendConfig {
  char physical_device[32] = "";  // the node's text
  char disk_name[16] = "?";       // the node "dev" without "/dev/"
  driver_identity identity{};
  VbdConfig vbd;
};

// Error: -ENOENT when the hotplug script has not written physical-device yet;
// others are reported as the device's error.
[[nodiscard]] Result<BackendConfig> read_backend(host_device* device);

// False when the disk's logical blocks are too large, which is reported as the
// device's error.
[[nodiscard]] bool serves_blocks(host_device* device, const BackendConfig& config, const Vbd& vbd);

}  // namespace blkback
