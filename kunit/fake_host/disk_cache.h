// SPDX-License-Identifier: GPL-2.0
// The volatile cache of the fake host's disk: the data that a power loss would destroy now.
//
// It is the worst cache that the contract allows.  A completed write is in the cache only, unless
// it had FUA.  A flush makes durable the writes that had completed when the flush was submitted,
// and no later ones.  So a loss at any moment shows what the flushes have covered.
//
// Completed changes are numbered from 1.  The number is the version of the changed sectors.
#pragma once

#include <cstdint>
#include <vector>

#include "fake_host/flat_map.h"

struct host_io;

namespace fake {

class DiskCache {
 public:
  // The flush is submitted to the disk.
  void begin_flush(const host_io& io);
  // The flush has ended.  If it worked, the writes that it covers become durable.
  void end_flush(const host_io& io, bool worked);

  // Call before and after the bytes of `count` sectors of the disk change.
  void before_change(uint64_t sector, uint64_t count);
  enum class Reach { kCache, kMedium };
  void after_change(uint64_t sector, uint64_t count, Reach reach);

  // The version of the last change.
  [[nodiscard]] uint64_t version() const { return version_; }
  // The version of the sector that a power loss would leave; 0: none is durable.
  [[nodiscard]] uint64_t durable(uint64_t sector) const {
    return sector < sectors_.size() ? sectors_[sector].durable : 0;
  }
  // The value that a power loss would leave in a byte.
  [[nodiscard]] uint8_t byte_after_loss(uint64_t at) const;
  // A power loss: the disk loses the contents of its cache.
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
    std::vector<uint8_t> bytes;  // of these sectors, when the flush was submitted
  };

  void need(uint64_t sectors);

  uint64_t version_ = 0;
  std::vector<Sector> sectors_;
  std::vector<uint8_t> medium_;  // the durable bytes of dirty sectors
  FlatMap<const host_io*, Flush> flushes_;
};

}  // namespace fake
