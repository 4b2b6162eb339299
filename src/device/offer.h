// SPDX-License-Identifier: GPL-2.0
// What a frontend may ask for: the limits that stand in our directory.
//
// A frontend keeps what it was offered until it starts afresh, whatever happens
// to the parameters meanwhile: with another module in its place, or with other
// parameters, a device finds a frontend that has agreed on more than would be
// offered now.  Our directory, which no guest can write, tells what that was.
//
// INVARIANT: the nodes never promise less than a frontend may have read there.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "host/parameter.h"
#include "host/store.h"

namespace blkback {

class Offer {
 public:
  // Publishes InitWait, with at least what was offered to a frontend before, and
  // what the parameters allow.  Context: once, first of all.
  [[nodiscard]] Result<void> continue_with(host_device* device, const host_parameters& parameters);

  // Publishes InitWait, with what the parameters allow.  Context: a frontend
  // starts afresh, and has not been told InitWait yet.
  [[nodiscard]] Result<void> renew(host_device* device, const host_parameters& parameters);

  [[nodiscard]] uint32_t queues() const { return queues_; }
  [[nodiscard]] uint32_t ring_page_order() const { return ring_page_order_; }

  // Whether to use persistent grants with a frontend that wants them.  One that
  // is connected has looked at our word for it long ago: without persistent
  // grants it gives up the device when a grant stays mapped.
  [[nodiscard]] static bool persistent(host_device* device, const host_parameters& parameters,
                                       bool frontend_connected);

 private:
  [[nodiscard]] Result<void> publish(host_device* device) const;

  uint32_t queues_ = 0;
  uint32_t ring_page_order_ = 0;
};

}  // namespace blkback
