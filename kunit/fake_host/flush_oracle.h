// SPDX-License-Identifier: GPL-2.0
// What a guest may rely on after a flush or a barrier, checked at each answer of
// every case.
//
// It knows the requests as they were taken from the rings and their answers, and
// what the disk would lose (DiskCache), and nothing of the core.  When a FLUSH or a
// WRITE_BARRIER is answered well, each write of the device that was answered well
// before it was taken is durable; of a barrier also the writes that were taken from
// its ring before it, which are answered by then; and its own data.
//
// Requests of a ring with the same id and operation, and all that are taken before
// the last of them is answered, cannot be told apart, and are left out.  Of indirect
// writes that name the same page of descriptors at the same
// time the first sector stands for all.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "fake_host/disk_cache.h"

struct host_device;

namespace fake {

class FlushOracle {
 public:
  explicit FlushOracle(const DiskCache& cache) : cache_(cache) {}

  // The slot, `bytes` long, was copied from the ring.
  void taken(const void* ring, uint64_t device, const uint8_t* slot, size_t bytes);
  // `bytes` of descriptors were copied from the guest's page; `copy` is what was read.
  void described(const void* page, const uint8_t* copy, size_t bytes);
  void answered(const void* ring, uint64_t id, uint8_t operation, int16_t status);
  // The ring is unmapped.
  void forget(const void* ring);

  // Flushes and barriers whose answer was looked at.
  [[nodiscard]] uint64_t judged() const { return judged_; }

 private:
  // A sector whose durable version must not be less.
  struct Need {
    uint64_t sector;
    uint64_t version;
  };
  struct Request {
    uint64_t number;   // in the order of taking
    uint64_t device;   // the identity of the ring's
    uint64_t version;  // of the disk when it was taken
    uint64_t sector = 0;
    uint64_t sectors = 0;  // that it writes
    bool twin = false;     // another one looks the same
    uint32_t answers = 0;  // of the first of such: how many of them were answered
    // Of an indirect write whose descriptors were not read.
    const uint8_t* descriptors = nullptr;
    uint32_t described = 0;  // how many there are
    std::vector<Need> needs = {};
    std::vector<uint64_t> earlier = {};  // writes that a barrier waits for
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
  std::multimap<Key, Request> open_;  // of twins all, until the last is answered
  // Of each device: the sectors of writes that were answered well, and the least
  // version that one of them can be.
  std::map<uint64_t, std::map<uint64_t, uint64_t>> written_;
};

}  // namespace fake
