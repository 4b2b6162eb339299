// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "host/grant.h"

namespace blkback {

// The mapped pages of a ring.
class RingMemory {
 public:
  RingMemory() = default;
  ~RingMemory() {
    if (memory_ != nullptr) host_ring_unmap(device_, memory_);
  }
  RingMemory(const RingMemory&) = delete;
  RingMemory& operator=(const RingMemory&) = delete;

  // Call once.  Errors: see host_ring_map().
  [[nodiscard]] Result<void*> map(host_device* device, std::span<const uint32_t> refs) {
    void* memory = nullptr;
    const int error =
        host_ring_map(device, refs.data(), static_cast<uint32_t>(refs.size()), &memory);
    if (error != 0) return failure(error);
    device_ = device;
    memory_ = memory;
    return memory;
  }

 private:
  host_device* device_ = nullptr;
  void* memory_ = nullptr;
};

}  // namespace blkback
