// SPDX-License-Identifier: GPL-2.0
// Watches the rings of a device from the guest's side: each request that was
// taken is answered once, and as the protocol says.
//
// It reads the slots by offsets of its own, so that a mistake in the core's
// structures cannot hide.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "support/guest.h"

namespace fuzz {

class Oracle {
 public:
  // Watches what the host's copies and answers touch, from now on.
  Oracle();
  ~Oracle();
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  // A ring whose first request and answer have the number `first_index`.
  void watch(kunit::Guest& guest, kunit::Layout layout, uint32_t first_index);
  // The rings are not served any more; what was taken must be answered.
  void forget_rings();

  // What the disk offered when it was opened.
  bool read_only = false;
  bool discard = false;
  // Nothing was made to fail so far: what is right must be served.
  bool smooth = true;

  [[nodiscard]] uint32_t rings() const { return static_cast<uint32_t>(rings_.size()); }
  [[nodiscard]] uint32_t outstanding() const;
  // The number of the next request that the backend will take.
  [[nodiscard]] uint32_t next_request(uint32_t ring) const { return rings_[ring].taken; }

 private:
  enum class Verdict : uint8_t { kUnknown, kRefused, kServed, kAny };
  using Key = std::pair<uint64_t, uint8_t>;  // id, operation
  struct Ring {
    kunit::Guest* guest;
    kunit::Layout layout;
    uint32_t taken;
    uint32_t answered;
    std::multimap<Key, Verdict> open;
  };

  void copied(const void* from, size_t bytes);
  void responded(const void* place, uint64_t id, uint8_t operation, int16_t status);
  void take(Ring& ring, const uint8_t* slot);
  [[nodiscard]] Verdict judge(const uint8_t* slot, kunit::Layout layout) const;
  [[nodiscard]] Verdict judge_direct(const uint8_t* slot, bool packed) const;
  [[nodiscard]] Verdict judge_range(uint64_t sector, uint64_t sectors) const;

  std::vector<Ring> rings_;
};

}  // namespace fuzz
