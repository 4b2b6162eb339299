// SPDX-License-Identifier: GPL-2.0
// The volatile cache of the fake host's disk: what would be lost if the power
// went now.
//
// It is as bad as a cache may be.  A write that completes is in the cache alone,
// unless it was made with FUA; a flush makes durable what had completed when it
// was handed over, and nothing that came later.  So every moment is one at which
// the loss shows what a flush has covered.
//
// Each change that completes has a number, from 1 on: the version of its sectors.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

struct host_io;

namespace fake {

class DiskCache {
 public:
  // The flush is handed to the disk.
  void begin_flush(const host_io& io);
  // It has ended: what it covers is durable, if it did its work.
  void end_flush(const host_io& io, bool worked);

  // Around a change of `count` sectors of the disk's bytes.
  void before_change(uint64_t sector, uint64_t count);
  enum class Reach { kCache, kMedium };
  void after_change(uint64_t sector, uint64_t count, Reach reach);

  // The version of the last change.
  [[nodiscard]] uint64_t version() const { return version_; }
  // That of what would be left of a sector; 0: it was never written.
  [[nodiscard]] uint64_t durable(uint64_t sector) const {
    return sector < sectors_.size() ? sectors_[sector].durable : 0;
  }
  // What would be left of a byte.
  [[nodiscard]] uint8_t byte_after_loss(uint64_t at) const;
  // The power goes, and the disk comes back without what was in its cache.
  void lose();

 private:
  struct Sector {
    uint64_t version = 0;
    uint64_t durable = 0;
    [[nodiscard]] bool dirty() const { return version != durable; }
  };
  struct Covered {
    uint64_t sector;
    uint64_t version;
  };
  struct Flush {
    std::vector<Covered> sectors;
    std::vector<uint8_t> bytes;  // of these sectors, as they were
  };

  void need(uint64_t sectors);

  uint64_t version_ = 0;
  std::vector<Sector> sectors_;
  std::vector<uint8_t> medium_;  // the durable bytes of dirty sectors
  std::map<const host_io*, Flush> flushes_;
};

}  // namespace fake
