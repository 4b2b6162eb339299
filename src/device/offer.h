// SPDX-License-Identifier: GPL-2.0
// The offer to a frontend: the limits that we publish in our xenstore directory.
//
// A frontend keeps what it was offered until it starts afresh.  Meanwhile the parameters may
// change, or another module may take this one's place.  A device may therefore find a
// frontend that was offered more than the parameters allow now.  Our directory, which no guest
// can write, tells what was offered.
//
// INVARIANT: the published limits are never below those that a frontend may have read.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "host/parameter.h"
#include "host/store.h"

namespace blkback {

class Offer {
 public:
  // Publishes InitWait with the larger ones of two sets of limits: those that were offered
  // before, and those that the parameters allow; and that the disk is not open.  Context: first
  // of all, until it succeeds.
  [[nodiscard]] Result<void> continue_with(host_device* device, const host_parameters& parameters);

  // Publishes InitWait with the limits that the parameters allow.  Context: a frontend starts
  // afresh, and has not seen InitWait yet.
  [[nodiscard]] Result<void> renew(host_device* device, const host_parameters& parameters);

  [[nodiscard]] uint32_t queues() const { return queues_; }
  [[nodiscard]] uint32_t ring_page_order() const { return ring_page_order_; }

  // May persistent grants be used with a frontend that wants them?  A frontend that is
  // Connected has read our node feature-persistent long ago, so an offer of 0 holds: a frontend
  // without persistent grants gives up the device when a grant stays mapped.
  [[nodiscard]] static bool persistent(host_device* device, const host_parameters& parameters,
                                       bool frontend_connected);

 private:
  // Which nodes does publish() write?
  enum class Nodes : uint8_t { kLimits, kLimitsAndClosedDisk };
  [[nodiscard]] Result<void> publish(host_device* device, Nodes which) const;

  uint32_t queues_ = 0;
  uint32_t ring_page_order_ = 0;
};

}  // namespace blkback
