// SPDX-License-Identifier: GPL-2.0
#include "vbd/vbd.h"

namespace blkback {

Result<Owned<Vbd>> Vbd::open(const VbdConfig& config) {
  host_disk* disk = nullptr;
  const int error = host_disk_open(config.major, config.minor,
                                   config.access == Access::kReadOnly ? 1 : 0, &disk);
  if (error != 0) return failure(error);
  Owned<Vbd> vbd = make_owned<Vbd>(config, disk);
  if (!vbd) {
    host_disk_close(disk);
    return failure(-kEnoMem);
  }
  return vbd;
}

Vbd::Vbd(const VbdConfig& config, host_disk* disk)
    : disk_(disk), access_(config.access), cdrom_(config.cdrom) {
  host_disk_describe(disk, &geometry_);
  if (geometry_.logical_block_bytes > wire::kSectorBytes) {
    sectors_per_block_ = geometry_.logical_block_bytes / wire::kSectorBytes;
  }
}

Vbd::Verdict Vbd::check(const Request& request) const {
  if (request.operation != Operation::kRead && request.sectors != 0 &&
      access_ == Access::kReadOnly) {
    return {Status::kError, "write to a read-only disk"};
  }
  // A flush without data names no place.
  if (request.sectors == 0) return {Status::kOkay, nullptr};
  const uint64_t size = sectors();
  if (request.sectors > size || request.sector > size - request.sectors) {
    return {Status::kError, "beyond the end of the disk"};
  }
  // The protocol counts in sectors of 512 bytes; "first_sect and last_sect
  // must be aligned to sector-size" (blkif.h of Xen since 2024).
  bool aligned = request.sector % sectors_per_block_ == 0;
  for (uint32_t i = 0; i < request.segment_count; ++i) {
    aligned = aligned && request.segments[i].sectors() % sectors_per_block_ == 0;
  }
  if (!aligned) return {Status::kError, "not aligned to the disk's logical blocks"};
  return {Status::kOkay, nullptr};
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
