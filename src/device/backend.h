// SPDX-License-Identifier: GPL-2.0
// The toolstack's settings for the disk.  All but device-type are in our xenstore directory.
#pragma once

#include "base/result.h"
#include "driver.h"
#include "host/store.h"
#include "vbd/vbd.h"

namespace blkback {

struct BackendConfig {
  char physical_device[40] = "";  // the text of the node "physical-device"
  uint64_t sequence = 0;          // the one that the toolstack asks for; 0: any
  char disk_name[16] = "?";       // the node "dev" without "/dev/"
  driver_disk_info disk_info{};
  VbdConfig vbd;
};

// Reads the settings.  Errors: -ENOENT when the hotplug script has not written
// physical-device yet; -EINVAL after a bad value was reported as the device's error.
[[nodiscard]] Result<BackendConfig> read_backend(host_device* device);

// Returns false, and reports the device's error, when the disk is not the one that
// physical-device asks for: its number belongs to another disk now.
[[nodiscard]] bool is_same_disk(host_device* device, const BackendConfig& config, const Vbd& vbd);

// Returns false, and reports the device's error, when an earlier device of the same directory
// had another disk open, and the toolstack names no sequence number: the frontend would go on
// with the wrong disk.
[[nodiscard]] bool is_disk_of_before(host_device* device, const BackendConfig& config,
                                     const Vbd& vbd);

// Returns false, and reports the device's error, when the disk's logical blocks are larger
// than a page.
[[nodiscard]] bool serves_blocks(host_device* device, const BackendConfig& config, const Vbd& vbd);

}  // namespace blkback
