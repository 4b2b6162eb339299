// SPDX-License-Identifier: GPL-2.0
// Memory for the grants and segments of indirect requests.
//
// Blocks come in two sizes.  They are allocated when requests need them, and kept for later
// requests.  One large block is a reserve: with it, a ring whose host has no memory still
// serves its requests, one after the other.  All other blocks are allocated with
// host_try_alloc(), which never waits, and charged to the guest's account; at the guest's cap the
// reserve serves as it does without memory.
// BEWARE: not locked: only who has the turn (turn.h) may use them.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "base/account.h"
#include "base/intrusive_list.h"
#include "base/result.h"
#include "grant/mapper.h"
#include "host/block.h"
#include "wire/blkif.h"

namespace blkback {

struct IndirectBuffer : ListLink {
  uint32_t capacity = 0;  // segments

  // One grant more than segments: the first is for the page of descriptors.
  [[nodiscard]] std::span<GrantUse> grants() {
    return std::span<GrantUse>(reinterpret_cast<GrantUse*>(this + 1), capacity + 1);
  }
  [[nodiscard]] std::span<host_io_segment> segments() {
    return std::span<host_io_segment>(
        reinterpret_cast<host_io_segment*>(grants().data() + capacity + 1), capacity);
  }
};

class IndirectBuffers {
 public:
  explicit IndirectBuffers(Account& account) : account_(account) {}
  ~IndirectBuffers();
  IndirectBuffers(const IndirectBuffers&) = delete;
  IndirectBuffers& operator=(const IndirectBuffers&) = delete;

  // Allocates the reserve.  Error: -ENOMEM.
  [[nodiscard]] Result<void> create();
  // What create() allocates, in bytes.
  [[nodiscard]] static uint64_t cost();

  // Returns a block for `segments` segments, at most wire::kMaxIndirectSegments.  No grant of
  // the block is mapped.  Returns nullptr when there is no memory, or the guest is at its cap, and
  // the reserve is in use.
  [[nodiscard]] IndirectBuffer* take(uint32_t segments);
  void put(IndirectBuffer& block);

  // The bytes that the account has refused since the last call.
  [[nodiscard]] uint64_t take_refused() { return std::exchange(refused_, 0); }

  // Gives unused blocks back to the host until at most `keep` of each size are left.  The
  // reserve does not count and stays.
  void trim(uint32_t keep);

  // How many unused blocks of each size a ring keeps when it has no requests.
  static constexpr uint32_t kKeep = 4;
  // The default of Linux' frontend (its parameter max_indirect_segments).
  static constexpr uint32_t kSmall = 32;
  static constexpr uint32_t kLarge = wire::kMaxIndirectSegments;
  static_assert(kLarge <= HOST_IO_MAX_SEGMENTS);

 private:
  using BlockList = IntrusiveList<IndirectBuffer>;

  [[nodiscard]] static IndirectBuffer* make(void* memory, uint32_t capacity);
  [[nodiscard]] IndirectBuffer* try_make(uint32_t capacity);
  void trim_list(BlockList& list, uint32_t keep);

  Account& account_;
  BlockList small_;
  BlockList large_;
  IndirectBuffer* reserve_ = nullptr;  // nullptr while it is in use
  const IndirectBuffer* reserve_identity_ = nullptr;
  uint64_t refused_ = 0;
};

}  // namespace blkback
