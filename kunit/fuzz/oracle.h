// SPDX-License-Identifier: GPL-2.0
// Watches the rings of a device from the guest's side.  Requires one response for each
// request that was taken, with the status that the protocol demands.
//
// It reads the slots by the offsets of support/wire.h, so that a mistake in the core's
// structures cannot hide.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "support/guest.h"
#include "support/wire.h"

namespace fuzz {

class Oracle {
 public:
  // From now on checks the core's reads of slots and its responses, by call-backs of the
  // fake host.
  Oracle();
  ~Oracle();
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  // Adds a ring.  `first_index` is the index of its first request and response.
  void watch(kunit::Guest& guest, kunit::Layout layout, uint32_t first_index);
  // Forgets all rings, which are no longer served.  Requires that every request that was
  // taken has its response.
  void forget_rings();

  // Properties of the disk when it was opened.
  bool read_only = false;
  bool discard = false;
  // No failure was injected so far: a valid request must succeed.
  bool smooth = true;

  [[nodiscard]] uint32_t rings() const { return static_cast<uint32_t>(rings_.size()); }
  [[nodiscard]] uint32_t outstanding() const;
  // The index of the next request that the backend will take.
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
  [[nodiscard]] Verdict judge_direct(const uint8_t* slot, const kunit::wire::Offsets& at) const;
  [[nodiscard]] Verdict judge_range(uint64_t sector, uint64_t sectors) const;

  std::vector<Ring> rings_;
};

}  // namespace fuzz
