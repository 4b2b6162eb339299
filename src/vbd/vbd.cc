// SPDX-License-Identifier: GPL-2.0
#include "vbd/vbd.h"

namespace blkback {

Result<Owned<Vbd>> Vbd::open(const VbdConfig& config) {
  host_disk* disk = nullptr;
  const int error =
      host_disk_open(config.major, config.minor, config.access == Access::kReadOnly ? 1 : 0, &disk);
  if (error != 0) return failure(error);
  Owned<Vbd> vbd = make_owned<Vbd>(config, disk);
  if (!vbd) {
    host_disk_close(disk);
    return failure(-kEnoMem);
  }
  return vbd;
}

Vbd::Vbd(const VbdConfig& config, host_disk* disk)
    : disk_(disk), access_(config.access), cdrom_(config.cdrom), discard_(config.discard) {
  describe();
}

void Vbd::describe() {
  host_disk_describe(disk_.get(), &geometry_);
  sectors_per_block_ = geometry_.logical_block_bytes > wire::kSectorBytes
                           ? geometry_.logical_block_bytes / wire::kSectorBytes
                           : 1;
}

Checked<void> Vbd::check(const Request& request) const {
  const bool changes_data = writes(request.operation) && (request.indirect || request.sectors != 0);
  if (request.operation == Operation::kDiscard && !offers_discard()) {
    return refusal(Status::kNotSupported, "discard is not offered");
  }
  if (changes_data && access_ == Access::kReadOnly) {
    return refusal(Status::kError, "write to a read-only disk");
  }
  // A flush without data has no range.  An indirect request's range is known only from
  // its descriptors.
  if (request.indirect || request.sectors == 0) return {};
  return check_range(request.sector, request.sectors);
}

Checked<void> Vbd::check_range(uint64_t sector, uint64_t count) const {
  const uint64_t size = sectors();
  if (count > size || sector > size - count) {
    return refusal(Status::kError, "beyond the end of the disk");
  }
  // The protocol counts in sectors of 512 bytes; extents "must be aligned to
  // sector-size" (blkif.h of Xen since 2024).  The size of a block is a power of two.
  if (((sector | count) & (sectors_per_block_ - 1)) != 0) {
    return refusal(Status::kError, "not aligned to the disk's logical blocks");
  }
  return {};
}

bool Vbd::offers_discard() const {
  // With a maximum of less than a block a discard would make no progress.
  return discard_ && access_ == Access::kReadWrite &&
         geometry_.max_discard_sectors >= sectors_per_block_;
}

bool Vbd::offers_secure_discard() const {
  return offers_discard() && geometry_.max_secure_discard_sectors >= sectors_per_block_;
}

uint64_t Vbd::discard_part(uint64_t sector, uint64_t count, bool secure) const {
  const uint64_t most =
      secure ? geometry_.max_secure_discard_sectors : geometry_.max_discard_sectors;
  if (count <= most) return count;
  const uint64_t granularity = geometry_.discard_granularity_bytes / wire::kSectorBytes;
  if (granularity <= sectors_per_block_) return most - most % sectors_per_block_;
  // This part is cut so that the next one begins at a boundary of the granularity.
  const uint64_t alignment = geometry_.discard_alignment_bytes / wire::kSectorBytes;
  const uint64_t beyond = (sector + most + granularity - alignment % granularity) % granularity;
  const uint64_t part = beyond < most ? most - beyond : most;
  // The numbers that a disk reports need not be whole blocks.  No block is split for them.
  return part >= sectors_per_block_ ? part - part % sectors_per_block_
                                    : most - most % sectors_per_block_;
}

Result<void> Vbd::sync() {
  const int error = host_disk_sync(disk_.get());
  if (error != 0) return failure(error);
  return {};
}

uint32_t Vbd::info() const {
  uint32_t info = 0;
  if (cdrom_ || geometry_.cdrom != 0) info |= VDISK_CDROM;
  if (geometry_.removable != 0) info |= VDISK_REMOVABLE;
  if (access_ == Access::kReadOnly) info |= VDISK_READONLY;
  return info;
}

}  // namespace blkback
