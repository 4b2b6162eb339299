// SPDX-License-Identifier: GPL-2.0
// The memory account of a guest, which its devices share, and the cap that the toolstack and
// the administrator set for it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/account.h"
#include "base/intrusive_list.h"
#include "base/log_limits.h"
#include "host/device.h"
#include "host/parameter.h"

namespace blkback {

// The registry owns the accounts; its lock guards all members but the Account.
struct GuestAccount : Account, ListLink {
  explicit GuestAccount(uint16_t guest) : domid(guest) {}

  const uint16_t domid;
  uint32_t devices = 0;      // that use the account
  uint64_t relieved_ms = 0;  // see Registry::relieve_guest()
};

// Reads the toolstack's node "max-guest-memory-kb": a number, 0 for no cap.  Returns nullopt
// when there is none, and when it cannot be used, which is logged.
// Context: the device's work.
[[nodiscard]] std::optional<uint32_t> read_cap(host_device* device, LogLimits& log);

// Lowers the numbers of queues and ring pages that `parameters` allow until a disk's floor is
// at most half of `room` bytes, but to one queue and one ring page at least.
void limit_offer(host_parameters& parameters, uint64_t room, bool copies);

}  // namespace blkback
