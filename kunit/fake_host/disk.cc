// SPDX-License-Identifier: GPL-2.0
// The disk of the fake host.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "fake_host/fake_host.h"

using fake::Host;
using fake::host;
using Reach = fake::DiskCache::Reach;

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

// A discard may have so many sectors that their bytes wrap.
uint64_t sectors_of(const host_io& io) { return discards(io) ? io.sectors : bytes_of(io) / 512; }

// Adds nothing to io.sector: the sum could wrap.
bool is_beyond(const host_io& io, uint64_t sectors) {
  return io.sector > sectors || sectors_of(io) > sectors - io.sector;
}

// Compares with the largest size that the driver was given: the disk may have shrunk since.
void check_range(const host_io& io) {
  const uint64_t sectors = io.disk->most_sectors;
  if (!is_beyond(io, sectors)) return;
  Host::broken("I/O beyond the disk: " + std::to_string(sectors_of(io)) + " sectors at " +
               std::to_string(io.sector) + " of " + std::to_string(sectors));
}

// A discard on this disk leaves zeroes.
void discard(const host_io& io) {
  std::vector<uint8_t>& disk = host().disk;
  const uint64_t size = disk.size() / 512;
  const uint64_t first = std::min(io.sector, size);
  const uint64_t count = std::min(io.sectors, size - first);
  host().cache.before_change(first, count);
  std::fill_n(disk.begin() + static_cast<ptrdiff_t>(first * 512), count * 512, uint8_t{0});
  host().cache.after_change(first, count, Reach::kCache);
}

void check_segments(const host_io& io) {
  if (io.segment_count > HOST_IO_MAX_SEGMENTS) Host::broken("an I/O of too many segments");
  const uint64_t block = io.disk->described.logical_block_bytes;
  for (uint32_t i = 0; i < io.segment_count; ++i) {
    const host_io_segment& segment = io.segments[i];
    if (segment.bytes == 0) Host::broken("an empty segment");
    if (segment.offset % block != 0 || segment.bytes % block != 0) {
      Host::broken("a segment that is no whole blocks");
    }
    if (segment.offset > HOST_PAGE_BYTES || segment.bytes > HOST_PAGE_BYTES - segment.offset) {
      Host::broken("I/O beyond a page");
    }
  }
}

// A flush has no data.  Any other I/O has some sectors.
void check_length(const host_io& io) {
  if (io.operation == HOST_IO_FLUSH) {
    if (io.segment_count != 0 || io.sectors != 0) Host::broken("a flush with data");
    return;
  }
  if (io.sectors == 0) Host::broken("an I/O of nothing");
  if (io.sectors * 512 != bytes_of(io)) Host::broken("an I/O of another length than its segments");
  const uint64_t block = io.disk->described.logical_block_bytes / 512;
  if (io.sector % block != 0 || io.sectors % block != 0) {
    Host::broken("an I/O that is no whole blocks");
  }
}

// The kernel warns about flush flags on an I/O that is not a write.
void check_flags(const host_io& io) {
  if (io.operation > HOST_IO_SECURE_DISCARD) Host::broken("an I/O of an unknown operation");
  if ((io.flags & ~(HOST_IO_PREFLUSH | HOST_IO_FUA)) != 0) Host::broken("unknown flags of an I/O");
  if (io.flags != 0 && io.operation != HOST_IO_WRITE && io.operation != HOST_IO_FLUSH) {
    Host::broken("flags of a write on an I/O that is none");
  }
}

void check_discard(const host_io& io) {
  // Uses the limits that the driver was given.  If a limit was lowered since, the storage stack
  // splits the I/O or fails it.
  const host_disk_geometry& geometry = io.disk->described;
  const uint64_t most = io.operation == HOST_IO_DISCARD ? geometry.max_discard_sectors
                                                        : geometry.max_secure_discard_sectors;
  if (io.sectors > most) Host::broken("a discard of more than the disk takes at once");
  if (io.segment_count != 0) Host::broken("a discard with data");
}

// A hash (FNV-1a) of every field that must not change while the disk has the I/O.
uint64_t fingerprint(const host_io& io) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](uint64_t value) { hash = (hash ^ value) * 0x100000001b3; };
  add(reinterpret_cast<uintptr_t>(io.disk));
  add(reinterpret_cast<uintptr_t>(io.segments));
  add(io.sector);
  add(io.sectors);
  add(io.segment_count);
  add(io.operation * 256u + io.flags);
  for (uint32_t i = 0; i < io.segment_count; ++i) {
    add(reinterpret_cast<uintptr_t>(io.segments[i].page));
    add(io.segments[i].offset * uint64_t{HOST_PAGE_BYTES} + io.segments[i].bytes);
  }
  return hash;
}

bool flushes(const host_io& io) {
  return io.operation == HOST_IO_FLUSH || (io.flags & HOST_IO_PREFLUSH) != 0;
}

// Does the I/O keep the contract of host/block.h?  The disk refuses it otherwise.
bool check(const host_io& io) {
  const uint32_t breaches = host().breaches;
  if (io.disk->read_only && io.operation != HOST_IO_READ) {
    Host::broken("write to a read-only disk");
  }
  check_flags(io);
  check_range(io);
  check_length(io);
  check_segments(io);
  if (discards(io)) check_discard(io);
  return host().breaches == breaches;
}

void transfer(host_io& io) {
  Host& h = host();
  if (discards(io)) {
    discard(io);
    return;
  }
  const bool write = io.operation == HOST_IO_WRITE;
  h.need_disk(io.sector * 512 + bytes_of(io));
  if (write) h.cache.before_change(io.sector, bytes_of(io) / 512);
  uint64_t at = io.sector * 512;
  for (uint32_t i = 0; i < io.segment_count; ++i) {
    const host_io_segment& segment = io.segments[i];
    if (segment.page == nullptr || segment.page->bytes() == nullptr) {
      Host::broken("I/O to a page without memory");
      return;
    }
    uint8_t* memory = segment.page->bytes() + segment.offset;
    if (!write) {
      if (segment.page->read_only) Host::broken("a read into a page mapped read-only");
      std::memcpy(memory, h.disk.data() + at, segment.bytes);
    } else {
      std::memcpy(h.disk.data() + at, memory, segment.bytes);
    }
    at += segment.bytes;
  }
  if (!write) return;
  const bool durable = h.geometry.write_cache == 0 || (io.flags & HOST_IO_FUA) != 0;
  h.cache.after_change(io.sector, bytes_of(io) / 512, durable ? Reach::kMedium : Reach::kCache);
}

void end_io(host_io* io, int error) {
  Host& h = host();
  const auto flight = h.with_disk.find(io);
  if (flight == h.with_disk.end()) return Host::broken("an I/O ends that the disk does not have");
  if (flight->second != fingerprint(*io)) {
    Host::broken("an I/O was changed while it was with the disk");
  }
  h.with_disk.erase(flight);
  if (h.disk_gone || is_beyond(*io, h.geometry.sectors)) error = -EIO;
  h.cache.end_flush(*io, error == 0 && !h.flush_lies);
  if (error == 0) transfer(*io);
  io->error = error;
  // `storage` belongs to the host until here.  Overwrite it: nobody else may rely on its contents.
  std::memset(io->storage, 0xb5, sizeof(io->storage));
  ++h.interrupts;
  if (h.at_io_done) {
    h.at_io_done(*io);
  } else {
    driver_io_done(io);
  }
  --h.interrupts;
}

}  // namespace

void Host::complete(size_t index, int error) {
  host_io* io = held[index];
  held.erase(held.begin() + static_cast<ptrdiff_t>(index));
  const fake::Elsewhere other_cpu;
  end_io(io, error);
}

std::vector<size_t> Host::due_discards() const {
  std::vector<size_t> due;
  for (size_t i = 0; !hold_io && i < held.size(); ++i) {
    if (discards(*held[i])) due.push_back(i);
  }
  return due;
}

void Host::survey() {
  if (surveying) surveying = driver_survey();
}

namespace {

// The context waits for the disk.  `meanwhile` runs in another context.
void wait_for_disk(const std::function<void()>& meanwhile) {
  (void)host().locks.wait_for(fake::Lock::kDisk);
  const fake::Context others;
  if (meanwhile) meanwhile();
}

}  // namespace

extern "C" {

int host_disk_open(uint32_t major, uint32_t minor, uint8_t read_only, host_disk** disk) {
  host().cross_work();
  host().may_sleep("host_disk_open");
  wait_for_disk(host().at_open);
  if (host().open_error != 0) return host().open_error;
  if (host().fails("host_disk_open")) return -EIO;
  ++host().disks_open;
  *disk = new host_disk{major, minor, read_only != 0, {}};
  return 0;
}

void host_disk_close(host_disk* disk) {
  host().may_sleep("host_disk_close");
  wait_for_disk(nullptr);
  for (const auto& [io, as_it_was] : host().with_disk) {
    if (io->disk == disk) Host::broken("a disk is closed that has I/O");
  }
  --host().disks_open;
  delete disk;
}

void host_disk_describe(const host_disk* disk, host_disk_geometry* geometry) {
  *geometry = disk->described = host().geometry;
  (void)host_disk_sectors(disk);
}

uint64_t host_disk_sectors(const host_disk* disk) {
  const uint64_t sectors = host().geometry.sectors;
  disk->most_sectors = std::max(disk->most_sectors, sectors);
  return sectors;
}

bool host_disk_is(const host_disk* disk, uint32_t major, uint32_t minor) {
  return disk->major == major && (disk->minor == minor || host().whole_disk_minor == minor);
}
int host_disk_charge(host_disk* disk, const char* group) {
  host().may_sleep("host_disk_charge");
  for (const auto& [io, as_it_was] : host().with_disk) {
    if (io->disk == disk) Host::broken("a disk is charged to another cgroup that has I/O");
  }
  disk->charged.clear();
  if (group == nullptr) return 0;
  const auto known = host().groups.find(group);
  if (known == host().groups.end()) return -ENOENT;
  if (known->second == 0) disk->charged = group;
  return known->second;
}

uint64_t host_disk_sequence(const host_disk*) { return host().disk_sequence; }

bool host_disk_gone(const host_disk*) { return host().disk_gone; }

int host_disk_sync(host_disk*) {
  host().cross_work();
  host().may_sleep("host_disk_sync");
  wait_for_disk(host().at_sync);
  if (host().fails("host_disk_sync")) return -EIO;
  return host().sync_error;
}

void host_disk_submit(host_io* const* ios, uint32_t count) {
  Host& h = host();
  h.cross();
  h.may_sleep("host_disk_submit");
  // The caller may wait here while the disk's queue is full.
  (void)h.locks.wait_for(fake::Lock::kDisk);
  if (count == 0) Host::broken("host_disk_submit of nothing");
  h.submissions.push_back(count);
  h.visible.push_back(fake::Visible::kSubmit);
  for (uint32_t i = 0; i < count; ++i) {
    host_io* io = ios[i];
    if (h.at_submit) h.at_submit(*io);
    if (!h.with_disk.try_emplace(io, fingerprint(*io)).second) {
      Host::broken("an I/O is handed to the disk that has it already");
      continue;
    }
    h.ios.push_back({io->operation, io->flags, io->sector, io->segment_count,
                     discards(*io) ? io->sectors : 0, io->disk->charged});
    if (!check(*io)) {
      end_io(io, -EINVAL);
      continue;
    }
    // As in the kernel's bio_check_eod(), the I/O fails before it reaches the disk.
    if (!discards(*io) && is_beyond(*io, h.geometry.sectors)) {
      end_io(io, -EIO);
      continue;
    }
    if (flushes(*io)) h.cache.begin_flush(*io);
    if (discards(*io)) {
      h.held.push_back(io);  // the submitter does not wait for room: a thread of the host does
    } else if (h.hold_io) {
      while (!h.held.empty() && h.held.size() >= h.disk_depth) h.complete(0);
      h.held.push_back(io);
    } else {
      end_io(io, h.io_error);
    }
  }
}

}  // extern "C"
