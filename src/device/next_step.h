// SPDX-License-Identifier: GPL-2.0
// The state machine: which step a device takes next.
//
// next_step() is a function of a few values, without memory and without effects, so that a
// test can try all combinations.  Documentation/design.md has the table.
#pragma once

#include <cstdint>

#include "host/device.h"

namespace blkback {

// The connection to the frontend.
enum class Link : uint8_t {
  kNone,
  kOpen,
  kDraining,  // closed, but I/O is in flight or pages are mapped; or an older device drains
};

struct Situation {
  bool frontend_seen = false;  // has xenbus told the frontend's state yet?
  uint32_t frontend = 0;       // the frontend's state, which may be any number
  host_xenbus_state own = HOST_XENBUS_UNKNOWN;
  Link link = Link::kNone;
  // The disk or the frontend made a connection impossible, and no event since then could
  // have changed that.
  bool failed = false;
  // The frontend has started over: its rings are not those of the open connection.
  bool restarted = false;
};

enum class Step : uint8_t {
  kNone,
  kRefuse,     // report that the frontend's state is not one that a frontend may have
  kDrain,      // close the connection
  kConnect,    // make a connection
  kInitWait,   // publish InitWait, unless it is published already
  kConnected,  // publish Connected, unless it is published already, and serve
  kClosing,    // publish Closing, unless Closing or Closed is published already
  kClosed,     // publish Closed; close the disk first when the toolstack wants the device gone
};

[[nodiscard]] Step next_step(const Situation& situation);

}  // namespace blkback
