// SPDX-License-Identifier: GPL-2.0
#include "fake_host/disk_cache.h"

#include <algorithm>
#include <cstring>

#include "fake_host/fake_host.h"

namespace fake {

namespace {

constexpr uint64_t kSectorBytes = 512;

uint8_t* on_disk(uint64_t sector) { return host().disk.data() + sector * kSectorBytes; }

}  // namespace

void DiskCache::need(uint64_t sectors) {
  if (sectors <= sectors_.size()) return;
  sectors_.resize(sectors);
  medium_.resize(sectors * kSectorBytes);
}

void DiskCache::begin_flush(const host_io& io) {
  Flush& flush = flushes_[&io];
  for (uint64_t sector = 0; sector < sectors_.size(); ++sector) {
    if (!sectors_[sector].dirty()) continue;
    flush.sectors.push_back({sector, sectors_[sector].version});
    flush.bytes.insert(flush.bytes.end(), on_disk(sector), on_disk(sector) + kSectorBytes);
  }
}

void DiskCache::end_flush(const host_io& io, bool worked) {
  const auto entry = flushes_.find(&io);
  if (entry == flushes_.end()) return;
  const uint8_t* bytes = entry->second.bytes.data();
  for (const Covered& covered : entry->second.sectors) {
    Sector& sector = sectors_[covered.sector];
    // Another flush that ended before this one may have covered a later version.
    if (worked && covered.version > sector.durable) {
      sector.durable = covered.version;
      std::memcpy(medium_.data() + covered.sector * kSectorBytes, bytes, kSectorBytes);
    }
    bytes += kSectorBytes;
  }
  flushes_.erase(entry);
}

void DiskCache::before_change(uint64_t sector, uint64_t count) {
  need(sector + count);
  for (uint64_t at = sector; at < sector + count; ++at) {
    if (sectors_[at].dirty()) continue;
    std::memcpy(medium_.data() + at * kSectorBytes, on_disk(at), kSectorBytes);
  }
}

void DiskCache::after_change(uint64_t sector, uint64_t count, Reach reach) {
  ++version_;
  for (uint64_t at = sector; at < sector + count; ++at) {
    sectors_[at].version = version_;
    if (reach == Reach::kMedium) sectors_[at].durable = version_;
  }
}

uint8_t DiskCache::byte_after_loss(uint64_t at) const {
  const uint64_t sector = at / kSectorBytes;
  if (sector < sectors_.size() && sectors_[sector].dirty()) return medium_[at];
  return host().disk_byte(at);
}

void DiskCache::lose() {
  for (uint64_t at = 0; at < sectors_.size(); ++at) {
    Sector& sector = sectors_[at];
    if (!sector.dirty()) continue;
    std::memcpy(on_disk(at), medium_.data() + at * kSectorBytes, kSectorBytes);
    sector.version = sector.durable;
  }
  flushes_.clear();
}

}  // namespace fake
