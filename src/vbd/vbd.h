// SPDX-License-Identifier: GPL-2.0
// The virtual block device's backing disk: what may be done to it.
//
// Not locked: nothing of it changes while a frontend is connected.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/owned.h"
#include "base/result.h"
#include "host/block.h"
#include "request/request.h"

namespace blkback {

enum class Access : uint8_t { kReadOnly, kReadWrite };

// Which device of the host, and how the toolstack lets the guest use it.
struct VbdConfig {
  uint32_t major = 0;
  uint32_t minor = 0;
  Access access = Access::kReadOnly;
  bool cdrom = false;   // the frontend's device-type
  bool discard = true;  // the toolstack's discard-enable
};

class Vbd {
 public:
  // Opens the disk.  Error: the errno of the host's open.
  // Context: may sleep for I/O.
  [[nodiscard]] static Result<Owned<Vbd>> open(const VbdConfig& config);

  // Takes over `disk`; use open().
  Vbd(const VbdConfig& config, host_disk* disk);

  // What the disk is like now: the host's administrator may have changed its
  // limits since.  Context: no frontend is connected.
  void describe();

  // May the request be done, as far as its slot alone tells?  check_range() tells the
  // rest, for an indirect request when its descriptors are known.
  [[nodiscard]] Checked<void> check(const Request& request) const;
  [[nodiscard]] Checked<void> check_range(uint64_t sector, uint64_t count) const;

  // Can its logical blocks be read and written at all?  A segment lies within a
  // page, and Linux asks for whole blocks in each.
  [[nodiscard]] bool serves_blocks() const {
    return geometry_.logical_block_bytes <= wire::kPageBytes;
  }

  // Is there data that does not travel between the disk and the guest's own
  // pages?  What is written to a disk that wants it stable: a guest may change
  // its pages at any time.  And segments that are no whole blocks.
  [[nodiscard]] bool copies() const { return stable_writes() || sectors_per_block_ != 1; }
  [[nodiscard]] bool stable_writes() const { return geometry_.stable_writes != 0; }
  [[nodiscard]] bool whole_blocks(const Segment& segment) const {
    return sectors_per_block_ == 1 ||
           (segment.first % sectors_per_block_ == 0 && segment.sectors() % sectors_per_block_ == 0);
  }

  // Must a flush reach the disk?  Not that of a read-only disk, which has
  // nothing to make durable: failing it would make a Linux frontend stop
  // flushing for good.  On a disk without a volatile cache the host's block
  // layer ends a flush at once.
  [[nodiscard]] bool flush_needed() const { return access_ == Access::kReadWrite; }

  // What the frontend may be offered.
  [[nodiscard]] bool offers_discard() const;
  [[nodiscard]] bool offers_secure_discard() const;

  // The next part of a discard of `count` sectors at `sector`: as much as the
  // disk takes at once, ending where its granularity likes it.  Whole blocks, if
  // these are.
  [[nodiscard]] uint64_t discard_part(uint64_t sector, uint64_t count, bool secure) const;

  // Write out and forget what the host caches of it.  May sleep for I/O.
  [[nodiscard]] Result<void> sync();

  [[nodiscard]] host_disk* disk() const { return disk_.get(); }
  [[nodiscard]] const host_disk_geometry& geometry() const { return geometry_; }
  [[nodiscard]] uint64_t sectors() const { return host_disk_sectors(disk_.get()); }

  // The size that the frontend was told, or kNothing.  Written by the device's
  // work; another size is news until the frontend is told.
  static constexpr uint64_t kNothing = UINT64_MAX;
  void publish(uint64_t sectors) { published_sectors_.store(sectors, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t published_sectors() const {
    return published_sectors_.load(std::memory_order_relaxed);
  }

  // The node "info": VDISK_* of Xen's blkif.h.
  [[nodiscard]] uint32_t info() const;

 private:
  Handle<host_disk, host_disk_close> disk_;
  host_disk_geometry geometry_{};
  uint32_t sectors_per_block_ = 1;
  Access access_;
  bool cdrom_;
  bool discard_;
  std::atomic<uint64_t> published_sectors_{kNothing};
};

}  // namespace blkback
