// SPDX-License-Identifier: GPL-2.0
// What a frontend asks for in its xenstore directory.
//
// Everything there is the guest's: each value is read once, checked, and
// refused with a message that names the node, the value and what was expected.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "grant/mapper.h"
#include "host/parameter.h"
#include "host/store.h"
#include "wire/blkif.h"

namespace blkback {

inline constexpr uint32_t kMaxRingPages = 16;

// What it may ask for.
struct FrontendLimits {
  uint32_t queues;
  uint32_t ring_page_order;
  bool persistent;
  bool x86;  // the host, and so a frontend that does not say what it is
};

struct FrontendConfig {
  wire::Layout layout = wire::Layout::kNative;
  uint32_t queues = 1;
  uint32_t ring_pages = 1;
  bool numbered_ring_refs = false;  // of one page: "ring-ref0" rather than "ring-ref"
  Mapper::Persistence persistence = Mapper::Persistence::kOff;
};

struct RingConfig {
  uint32_t refs[kMaxRingPages];
  uint32_t event_channel = 0;
  bool numbered_ref = false;  // the first is "ring-ref0"
};

// Are the rings of queue 0 that the frontend offers now still those of `config`
// and `ring`?  What cannot be read counts as the same.
[[nodiscard]] bool same_rings(host_device* device, const FrontendConfig& config,
                              const RingConfig& ring);

// Both report what is wrong as the device's error and return -EINVAL.
[[nodiscard]] Result<FrontendConfig> read_frontend(host_device* device,
                                                   const FrontendLimits& limits);
[[nodiscard]] Result<RingConfig> read_ring(host_device* device, const FrontendConfig& config,
                                           uint32_t queue);

}  // namespace blkback
