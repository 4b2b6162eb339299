// SPDX-License-Identifier: GPL-2.0
// The state machine: what a device does next, given what it knows.
//
// One function of a few values, without memory and without effects, so that a
// test can try all of them.  Documentation/design.md has the table.
#pragma once

#include <cstdint>

#include "host/store.h"

namespace blkback {

// The connection to the frontend.
enum class Link : uint8_t {
  kNone,
  kOpen,
  kDraining,  // closed; I/O is in flight or pages are mapped
};

struct Situation {
  bool frontend_seen = false;  // has xenbus told its state yet?
  uint32_t frontend = 0;       // its state: any number
  host_xenbus_state own = HOST_XENBUS_UNKNOWN;
  Link link = Link::kNone;
  // The disk or the frontend does not allow a connection, and nothing has
  // happened since that could have mended that.
  bool failed = false;
  // The rings that the frontend offers are not those of the open connection.
  bool restarted = false;
};

enum class Step : uint8_t {
  kNone,
  kRefuse,     // the frontend's state is none of a frontend
  kDrain,      // close the connection
  kConnect,    // make a connection
  kInitWait,   // publish the state, unless it is published already
  kConnected,  // the same, and serve
  kClosing,    // the same, unless we are Closed
  kClosed,     // the same; for good when the toolstack wants that
};

[[nodiscard]] Step next_step(const Situation& situation);

}  // namespace blkback
