// SPDX-License-Identifier: GPL-2.0
// The backing disk of a virtual block device, and the checks of requests against it.
//
// Not locked: while a frontend is connected only the published size changes, an atomic.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/owned.h"
#include "base/result.h"
#include "host/block.h"
#include "request/request.h"

namespace blkback {

enum class Access : uint8_t { kReadOnly, kReadWrite };

// The host's block device, and how the toolstack lets the guest use it.
struct VbdConfig {
  uint32_t major = 0;
  uint32_t minor = 0;
  Access access = Access::kReadOnly;
  bool cdrom = false;   // the frontend's node device-type is "cdrom"
  bool discard = true;  // the backend's node discard-enable
};

class Vbd {
 public:
  // Opens the disk.  Error: the errno of the host's open.
  // Context: may sleep for I/O.
  [[nodiscard]] static Result<Owned<Vbd>> open(const VbdConfig& config);

  // Takes ownership of `disk`.  Use open() instead.
  Vbd(const VbdConfig& config, host_disk* disk);

  // Reads the disk's properties again: the host's administrator may have changed its
  // limits.  Context: no frontend is connected.
  void describe();

  // Is the request allowed, as far as its slot tells?  An indirect request's size is not
  // known before its descriptors are read: call check_range() then.
  [[nodiscard]] Checked<void> check(const Request& request) const;
  [[nodiscard]] Checked<void> check_range(uint64_t sector, uint64_t count) const;

  // Can the disk's logical blocks be read and written at all?  A segment is within a page,
  // and Linux requires whole blocks in each segment.
  [[nodiscard]] bool serves_blocks() const {
    return geometry_.logical_block_bytes <= wire::kPageBytes;
  }

  // Is there data that must be copied through private pages?  Writes are copied if the disk
  // needs stable pages, because a guest may change its pages at any time.  Segments that
  // are not whole blocks are copied, too.
  [[nodiscard]] bool copies() const { return stable_writes() || sectors_per_block_ != 1; }
  [[nodiscard]] bool stable_writes() const { return geometry_.stable_writes != 0; }
  [[nodiscard]] bool whole_blocks(const Segment& segment) const {
    return sectors_per_block_ == 1 ||
           (segment.first % sectors_per_block_ == 0 && segment.sectors() % sectors_per_block_ == 0);
  }

  // Must a flush reach the disk?  On a read-only disk it need not: there is nothing to
  // make durable, and a flush that fails makes a Linux frontend stop flushing for good.
  // On a disk without a volatile cache the host's block layer ends a flush at once.
  [[nodiscard]] bool flush_needed() const { return access_ == Access::kReadWrite; }

  // May the frontend be offered discard, and secure discard?
  [[nodiscard]] bool offers_discard() const;
  [[nodiscard]] bool offers_secure_discard() const;

  // The number of sectors in the next part of a discard of `count` sectors at `sector`: at
  // most the disk's maximum, and if possible ending at a boundary of its granularity.
  // Whole blocks if `sector` and `count` are whole blocks.
  [[nodiscard]] uint64_t discard_part(uint64_t sector, uint64_t count, bool secure) const;

  // Writes out and drops the host's page cache of the disk.  Context: may sleep for I/O.
  [[nodiscard]] Result<void> sync();

  [[nodiscard]] host_disk* disk() const { return disk_.get(); }
  [[nodiscard]] const host_disk_geometry& geometry() const { return geometry_; }
  [[nodiscard]] uint64_t sectors() const { return host_disk_sectors(disk_.get()); }

  // The size in sectors that the frontend was told, or kNothing.  If sectors() differs, the
  // frontend must be told.  The device's work calls publish(); any thread may read.
  static constexpr uint64_t kNothing = UINT64_MAX;
  void publish(uint64_t sectors) { published_sectors_.store(sectors, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t published_sectors() const {
    return published_sectors_.load(std::memory_order_relaxed);
  }

  // The value of the node "info": VDISK_* of Xen's blkif.h.
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
