// SPDX-License-Identifier: GPL-2.0
// Checks, at each response in every case, what a guest may rely on after a flush or a barrier.
//
// The oracle knows nothing of the core.  It sees the requests as they are taken from the rings,
// the responses to them, and what the disk would lose (DiskCache).  When a FLUSH or a
// WRITE_BARRIER succeeds, these are durable:
//  - each write of the device that had succeeded before the flush or barrier was taken;
//  - the flush's or barrier's own data;
//  - for a barrier, each successful write that was taken from its ring before it.  All writes
//    taken before it are answered by then.
//
// Open requests of one ring with the same id and operation ("twins") cannot be told apart.  They
// are not checked, and neither are further ones until the last twin is answered.  If several open
// indirect writes name the same page of descriptors, only the first sector of each is checked.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "fake_host/disk_cache.h"
#include "fake_host/flat_map.h"

struct host_device;

namespace fake {

class FlushOracle {
 public:
  explicit FlushOracle(const DiskCache& cache) : cache_(cache) {}

  // The slot, `bytes` long, was copied from the ring.
  void taken(const void* ring, uint64_t device, const uint8_t* slot, size_t bytes);
  // `bytes` bytes of descriptors were copied from the guest's `page`; `copy` holds them.
  void described(const void* page, const uint8_t* copy, size_t bytes);
  void answered(const void* ring, uint64_t id, uint8_t operation, int16_t status);
  // The ring is unmapped.
  void forget(const void* ring);

  // How many flushes and barriers were checked.
  [[nodiscard]] uint64_t judged() const { return judged_; }

 private:
  // The durable version of the sector must not be less than `version`.
  struct Need {
    uint64_t sector;
    uint64_t version;
  };
  struct Request {
    uint64_t number;   // counts the requests as they are taken
    uint64_t device;   // key of the ring's device
    uint64_t version;  // of the disk when the request was taken
    uint64_t sector = 0;
    uint64_t sectors = 0;  // how many it writes
    bool twin = false;     // another open request has the same key
    uint32_t answers = 0;  // in the first twin: how many twins were answered
    // The page of descriptors of an indirect write, until the backend has read it.
    const uint8_t* descriptors = nullptr;
    uint32_t described = 0;  // the number of descriptors
    std::vector<Need> needs = {};
    std::vector<uint64_t> earlier = {};  // numbers of the open writes that a barrier waits for
  };
  using Key = std::tuple<const void*, uint64_t, uint8_t>;

  static void note_extent(Request& request, const uint8_t* slot, bool packed);
  void note_order(const void* ring, Request& request, uint8_t operation);
  void write_answered(const Request& write, bool well);
  void judge(const Request& request, uint8_t operation);
  void need_durable(const std::vector<Need>& needs, const char* what) const;

  const DiskCache& cache_;
  uint64_t taken_ = 0;
  uint64_t judged_ = 0;
  FlatMap<Key, Request> open_;  // all twins stay until the last is answered
  // By device and sector: the least version that the successful writes to the sector can have.
  FlatMap<uint64_t, FlatMap<uint64_t, uint64_t>> written_;
};

}  // namespace fake
