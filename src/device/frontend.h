// SPDX-License-Identifier: GPL-2.0
// The settings that a frontend asks for in its xenstore directory.
//
// The guest controls everything there.  For a connection each value is read once and
// checked.  A bad number or protocol is refused with a message that names the node, the value
// and the expected values.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "grant/mapper.h"
#include "host/parameter.h"
#include "host/store.h"
#include "wire/blkif.h"

namespace blkback {

inline constexpr uint32_t kMaxRingPages = 16;

// The limits of what a frontend may ask for.
struct FrontendLimits {
  uint32_t queues;
  uint32_t ring_page_order;
  bool persistent;
  bool x86;  // the host is x86, and so is a frontend without the node "protocol"
};

struct FrontendConfig {
  wire::Layout layout = wire::Layout::kNative;
  uint32_t queues = 1;
  uint32_t ring_pages = 1;
  bool numbered_ring_refs = false;  // ring of one page: "ring-ref0" before "ring-ref"
  Mapper::Persistence persistence = Mapper::Persistence::kOff;
};

struct RingConfig {
  uint32_t refs[kMaxRingPages];
  uint32_t event_channel = 0;
  bool numbered_ref = false;  // refs[0] is from "ring-ref0", not from "ring-ref"
};

// Does the frontend still offer the ring `ring` for queue 0, and as many queues as `config`?
// A value that is missing or cannot be read counts as the same.
[[nodiscard]] bool same_rings(host_device* device, const FrontendConfig& config,
                              const RingConfig& ring);

// Both return -EINVAL after reporting a bad value as the device's error.
[[nodiscard]] Result<FrontendConfig> read_frontend(host_device* device,
                                                   const FrontendLimits& limits);
[[nodiscard]] Result<RingConfig> read_ring(host_device* device, const FrontendConfig& config,
                                           uint32_t queue);

}  // namespace blkback
