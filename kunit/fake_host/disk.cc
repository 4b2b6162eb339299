// SPDX-License-Identifier: GPL-2.0
// The disk of the fake host.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "fake_host/fake_host.h"

using fake::Host;
using fake::host;

namespace {

bool discards(const host_io& io) {
  return io.operation == HOST_IO_DISCARD || io.operation == HOST_IO_SECURE_DISCARD;
}

uint64_t bytes_of(const host_io& io) {
  if (discards(io)) return io.sectors * 512;
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < io.segment_count; ++i) bytes += io.segments[i].bytes;
  return bytes;
}

void check_range(const host_io& io) {
  const uint64_t sectors = host().geometry.sectors;
  // No product or sum here that could wrap.
  if (io.sector > sectors || bytes_of(io) / 512 > sectors - io.sector) {
    Host::broken("I/O beyond the disk: " + std::to_string(bytes_of(io)) + " bytes at sector " +
                 std::to_string(io.sector) + " of " + std::to_string(sectors));
  }
}

// What a discard leaves behind is zeroes here.
void discard(const host_io& io) {
  std::vector<uint8_t>& disk = host().disk;
  const uint64_t size = disk.size();
  const uint64_t first = std::min(io.sector * 512, size);
  const uint64_t end = std::min(first + io.sectors * 512, size);
  std::fill_n(disk.begin() + static_cast<ptrdiff_t>(first), end - first, uint8_t{0});
}

void check_length(const host_io& io) {
  if (io.sectors * 512 != bytes_of(io)) Host::broken("an I/O of another length than its segments");
  const uint64_t block = io.disk->described.logical_block_bytes;
  for (uint32_t i = 0; i < io.segment_count; ++i) {
    if (io.segments[i].offset % block != 0 || io.segments[i].bytes % block != 0) {
      Host::broken("a segment that is no whole blocks");
    }
  }
  if (io.segment_count > HOST_IO_MAX_SEGMENTS) Host::broken("an I/O of too many segments");
}

void check_discard(const host_io& io) {
  // A limit that was lowered since is the storage stack's business.
  const host_disk_geometry& geometry = io.disk->described;
  const uint64_t most = io.operation == HOST_IO_DISCARD ? geometry.max_discard_sectors
                                                        : geometry.max_secure_discard_sectors;
  if (io.sectors == 0) Host::broken("a discard of nothing");
  if (io.sectors > most) Host::broken("a discard of more than the disk takes at once");
  if (io.segment_count != 0) Host::broken("a discard with data");
}

void transfer(host_io& io) {
  Host& h = host();
  if (discards(io)) {
    discard(io);
    return;
  }
  h.need_disk(io.sector * 512 + bytes_of(io));
  uint64_t at = io.sector * 512;
  for (uint32_t i = 0; i < io.segment_count; ++i) {
    const host_io_segment& segment = io.segments[i];
    if (segment.page == nullptr || segment.page->bytes() == nullptr) {
      Host::broken("I/O to a page without memory");
      return;
    }
    if (segment.offset + segment.bytes > HOST_PAGE_BYTES) Host::broken("I/O beyond a page");
    uint8_t* memory = segment.page->bytes() + segment.offset;
    if (io.operation == HOST_IO_READ) {
      if (segment.page->read_only) Host::broken("a read into a page mapped read-only");
      std::memcpy(memory, h.disk.data() + at, segment.bytes);
    } else {
      std::memcpy(h.disk.data() + at, memory, segment.bytes);
    }
    at += segment.bytes;
  }
}

void end_io(host_io* io, int error) {
  if (host().disk_gone) error = -EIO;
  if (error == 0) transfer(*io);
  io->error = error;
  ++host().interrupts;
  driver_io_done(io);
  --host().interrupts;
}

}  // namespace

void Host::complete(size_t index, int error) {
  host_io* io = held[index];
  held.erase(held.begin() + static_cast<ptrdiff_t>(index));
  ++elsewhere;
  end_io(io, error);
  --elsewhere;
}

void Host::survey() {
  if (surveying) surveying = driver_survey();
}

extern "C" {

int host_disk_open(uint32_t major, uint32_t minor, uint8_t read_only, host_disk** disk) {
  host().cross_work();
  host().may_sleep("host_disk_open");
  if (host().at_open) host().at_open();
  if (host().open_error != 0) return host().open_error;
  if (host().fails("host_disk_open")) return -EIO;
  ++host().disks_open;
  *disk = new host_disk{major, minor, read_only != 0, {}};
  return 0;
}

void host_disk_close(host_disk* disk) {
  host().may_sleep("host_disk_close");
  --host().disks_open;
  delete disk;
}

void host_disk_describe(const host_disk* disk, host_disk_geometry* geometry) {
  *geometry = disk->described = host().geometry;
}

uint64_t host_disk_sectors(const host_disk*) { return host().geometry.sectors; }
bool host_disk_is(const host_disk* disk, uint32_t major, uint32_t minor) {
  return disk->major == major && (disk->minor == minor || host().whole_disk_minor == minor);
}
bool host_disk_gone(const host_disk*) { return host().disk_gone; }

int host_disk_sync(host_disk*) {
  host().cross_work();
  host().may_sleep("host_disk_sync");
  if (host().at_sync) host().at_sync();
  if (host().fails("host_disk_sync")) return -EIO;
  return host().sync_error;
}

void host_disk_submit(host_io* const* ios, uint32_t count) {
  Host& h = host();
  h.cross();
  h.may_sleep("host_disk_submit");
  if (count == 0) Host::broken("host_disk_submit of nothing");
  h.submissions.push_back(count);
  h.visible.push_back(fake::Visible::kSubmit);
  for (uint32_t i = 0; i < count; ++i) {
    host_io* io = ios[i];
    if (io->disk->read_only && io->operation != HOST_IO_READ) {
      Host::broken("write to a read-only disk");
    }
    check_range(*io);
    check_length(*io);
    if (discards(*io)) check_discard(*io);
    h.ios.push_back(
        {io->operation, io->flags, io->sector, io->segment_count, discards(*io) ? io->sectors : 0});
    if (h.hold_io) {
      h.held.push_back(io);
    } else {
      end_io(io, h.io_error);
    }
  }
}

}  // extern "C"
