// SPDX-License-Identifier: GPL-2.0
// The housekeeping of a queue: keeps the page pool and the persistent grants within the
// limits that parameters set, frees unused indirect buffers, gives grants back for other rings,
// notices that the disk's size has changed, and logs the counters.
//
// BEWARE: not locked: only the queue's thread may use it.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/log_limits.h"
#include "grant/page_pool.h"
#include "host/thread.h"
#include "queue/pass.h"
#include "queue/resources.h"
#include "queue/shortage.h"
#include "vbd/statistics.h"
#include "vbd/vbd.h"

namespace blkback {

class Upkeep {
 public:
  struct Shared {
    PagePool& pool;
    const Vbd& vbd;
    host_work& owner;  // scheduled when the disk's size has changed
    const std::atomic<uint64_t>& squeeze_until_ms;
  };

  Upkeep(const Shared& shared, Resources& resources, Shortage& shortage,
         const QueueCounters& counters, const RingLog& log)
      : shared_(shared),
        resources_(resources),
        shortage_(shortage),
        counters_(counters),
        log_(log) {}

  // Was run() called in this millisecond?
  [[nodiscard]] bool done(const Pass& pass) const { return pass.now_ms == done_ms_; }
  // Is there memory to give back now?
  [[nodiscard]] bool due(const Pass& pass) const {
    return shared_.pool.free_pages() > pass.parameters.max_buffer_pages ||
           shared_.pool.account().tight();
  }
  // Does all housekeeping.  `idle`: no request is in the queue.
  void run(const Pass& pass, bool idle);

  void log_statistics(const Pass& pass);

 private:
  static constexpr uint64_t kLogIntervalMs = 10000;

  void look_at_size();

  const Shared shared_;
  Resources& resources_;
  Shortage& shortage_;
  const QueueCounters& counters_;
  const RingLog log_;
  uint64_t done_ms_ = 0;
  uint64_t size_seen_ = 0;  // the new size for which the owner was scheduled; 0: none
  uint64_t logged_ms_ = 0;
  uint64_t logged_requests_ = 0;
};

}  // namespace blkback
