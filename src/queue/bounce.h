// SPDX-License-Identifier: GPL-2.0
// Private pages (bounce buffers) for data that must not travel directly between the disk
// and the guest's own pages.
//
// There are two such cases.  Writes to a disk that wants stable pages: a guest may change
// its page while a checksum of the page is computed.  And requests with segments that are
// not whole blocks of the disk.  The data of such a request lies in a buffer without gaps.
//
// take() tries to get a buffer for the whole request.  The total size of a queue's buffers
// is bounded, and charged to the guest's account.  When the host has no memory, and at the
// guest's cap, the request goes in parts through the reserve.
// BEWARE: not locked: only who has the turn (turn.h) may use it.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "base/account.h"
#include "base/result.h"
#include "host/block.h"
#include "wire/blkif.h"

namespace blkback {

// The segments follow the header in memory.  Each segment has one page.
struct BounceBuffer {
  uint32_t capacity = 0;  // pages
  uint64_t moved = 0;     // bytes of the request before the current part

  [[nodiscard]] std::span<host_io_segment> segments() {
    return std::span<host_io_segment>(reinterpret_cast<host_io_segment*>(this + 1), capacity);
  }
  [[nodiscard]] uint64_t bytes() const { return uint64_t{capacity} * wire::kPageBytes; }

  // Sets the lengths of the segments for a part of `part_bytes` bytes.  Returns the number of
  // segments in the part.
  [[nodiscard]] uint32_t lay_out(uint64_t part_bytes);

  // Copy `part_bytes` bytes from or to the guest's segments, beginning `moved` bytes into
  // them.
  void copy_from(std::span<const host_io_segment> guest, uint64_t part_bytes);
  void copy_to(std::span<const host_io_segment> guest, uint64_t part_bytes);
};

class Bounce {
 public:
  explicit Bounce(Account& account) : account_(account) {}
  ~Bounce();
  Bounce(const Bounce&) = delete;
  Bounce& operator=(const Bounce&) = delete;

  // Allocates the reserve.  Error: -ENOMEM.
  [[nodiscard]] Result<void> create();
  // What create() allocates, in bytes.
  [[nodiscard]] static uint64_t cost();

  // Returns a buffer for a whole request of `bytes` bytes, or the reserve when the host has no
  // memory or the guest is at its cap.  Returns nullptr when the reserve is needed but in use, and
  // when the queue's buffers would exceed kMaxPages.  In both cases a request that ends makes room.
  [[nodiscard]] BounceBuffer* take(uint64_t bytes);
  void put(BounceBuffer& buffer);

  // The bytes that the account has refused since the last call.
  [[nodiscard]] uint64_t take_refused() { return std::exchange(refused_, 0); }

  // Does the storage stack still hold a page of this buffer that will be used again?  Only
  // the pages of the reserve are.  A page of another buffer is freed, but exists as long as
  // the storage stack holds it.
  [[nodiscard]] bool busy(BounceBuffer* buffer) const;

  // Are there buffers in use, which put() will give back?
  [[nodiscard]] bool in_use() const {
    return pages_ != 0 || (reserve_identity_ != nullptr && reserve_ == nullptr);
  }

  static constexpr uint32_t kReservePages = 4;
  // Enough for four of the largest requests.  The reserve does not count.
  static constexpr uint32_t kMaxPages = 4 * wire::kMaxIndirectSegments;

 private:
  [[nodiscard]] BounceBuffer* try_make(uint32_t pages);

  Account& account_;
  BounceBuffer* reserve_ = nullptr;  // nullptr while it is in use
  const BounceBuffer* reserve_identity_ = nullptr;
  uint32_t pages_ = 0;  // of all buffers in use, without the reserve
  uint64_t refused_ = 0;
};

}  // namespace blkback
