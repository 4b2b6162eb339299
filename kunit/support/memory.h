// SPDX-License-Identifier: GPL-2.0
// A guest's memory account, its cap, and the sum of what the host has handed out.
#pragma once

#include "device/guest_account.h"
#include "driver_inspection.h"
#include "support/device_fixture.h"

namespace kunit {

inline driver_memory_info memory_of(DeviceFixture& device) {
  driver_memory_info memory{};
  driver_memory_read(device.driver(), &memory);
  return memory;
}

// Is the account of the only guest the sum of the host's memory?  The account itself is not in it.
inline bool exact(DeviceFixture& device) {
  const uint64_t sum = fake::host().memory_bytes() - sizeof(blkback::GuestAccount);
  EXPECT_EQ(memory_of(device).used, sum);
  return memory_of(device).used == sum;
}

inline void set_cap_kib(uint64_t kib) {
  fake::host().parameters.max_guest_memory_kb = static_cast<uint32_t>(kib);
  driver_parameters_changed();
  fake::host().run();
}

// Lets the guest have at least `bytes` beyond its floors, and less than 1 KiB more.
inline void allow_beyond_floors(DeviceFixture& device, uint64_t bytes) {
  set_cap_kib((memory_of(device).floors + bytes + 1023) / 1024);
}

// Ends I/Os, the oldest first, until no request is with the disk for half a second.
inline void end_all() {
  for (uint32_t idle = 0; idle < 3; ++idle) {
    while (!fake::host().held.empty()) {
      fake::host().complete(0);
      fake::host().run();
      idle = 0;
    }
    fake::host().sleep(170);
  }
}

inline bool calm(DeviceFixture& device) {
  return device.statistics().err_req == 0 && device.device().errors.empty() &&
         fake::host().logged("failed") == 0 && fake::host().logged("", HOST_LOG_ALERT) == 0;
}

}  // namespace kunit
