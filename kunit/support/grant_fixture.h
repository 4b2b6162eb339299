// SPDX-License-Identifier: GPL-2.0
// A mapper with its pool, and jobs to map with it.
#pragma once

#include <initializer_list>

#include "fake_host/fake_host.h"
#include "grant/mapper.h"
#include "support/account.h"
#include "support/guest.h"

namespace kunit {

using blkback::GrantJob;
using blkback::GrantUse;
using blkback::Mapper;
using blkback::PersistentGrants;

// A job of up to eleven grants.
struct TestJob : GrantJob {
  TestJob(std::initializer_list<uint32_t> grefs, bool map_read_only_ = false) {
    uint32_t count = 0;
    for (const uint32_t gref : grefs) grants[count++].gref = gref;
    uses = std::span<GrantUse>(grants, count);
    map_read_only = map_read_only_;
  }
  TestJob(const TestJob&) = delete;
  TestJob& operator=(const TestJob&) = delete;

  GrantUse grants[11];
};

class GrantFixture {
 public:
  explicit GrantFixture(Mapper::Persistence persistence)
      : mapper(7, persistence, pool, {"7.xvda-0", log_limits}) {
    created = mapper.create().has_value();
  }
  ~GrantFixture() { unmap_persistent(); }
  GrantFixture(const GrantFixture&) = delete;
  GrantFixture& operator=(const GrantFixture&) = delete;

  void map(std::initializer_list<GrantJob*> jobs) {
    mapper.map(std::span<GrantJob* const>(jobs.begin(), jobs.size()), limits, now_ms);
  }
  void release(std::initializer_list<GrantJob*> jobs) {
    mapper.release(std::span<GrantJob* const>(jobs.begin(), jobs.size()), now_ms);
  }

  // Unmaps all persistent grants, as the purger does when a queue ends.
  void unmap_persistent() {
    blkback::PersistentGrantList purged;
    mapper.persistent().purge_idle(purged);
    if (purged.empty()) return;
    blkback::GrantBatch batch;
    fake::host().failing.clear();
    if (!batch.create(64).has_value()) return;
    blkback::Unmapper unmapper(batch, {"7.xvda-0", log_limits});
    const uint64_t charged = purged.size() * PersistentGrants::cost();
    pool.adopt(purged.size());
    while (blkback::PersistentGrant* grant = purged.pop_front()) {
      unmapper.add(grant->page, grant->handle, pool, mapper.counters());
      blkback::Owned<blkback::PersistentGrant>(grant).reset();
    }
    unmapper.flush(pool, mapper.counters());
    pool.account().give_back(charged);
  }

  blkback::LogLimits log_limits;
  TestPool pool;
  Mapper mapper;
  PersistentGrants::Limits limits{.max_grants = 100, .unused_ms = 60000};
  uint64_t now_ms = 1000000;
  bool created = false;
  Guest guest{Layout::kX86_64};
};

}  // namespace kunit
