// SPDX-License-Identifier: GPL-2.0
// What a queue does beside requests: keeps its pool and its grants within the
// bounds that parameters set, notices a disk that has grown, logs its counters.
//
// BEWARE: not locked: it belongs to the queue's thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/log_limits.h"
#include "grant/page_pool.h"
#include "host/thread.h"
#include "queue/pass.h"
#include "queue/resources.h"
#include "queue/responder.h"
#include "queue/shortage.h"
#include "vbd/statistics.h"
#include "vbd/vbd.h"

namespace blkback {

class Upkeep {
 public:
  struct Shared {
    PagePool& pool;
    const Vbd& vbd;
    host_work& owner;  // told of a new size
    const std::atomic<uint64_t>& squeeze_until_ms;
  };

  Upkeep(const Shared& shared, Resources& resources, Shortage& shortage,
         const QueueCounters& counters, const Responder& responder, const RingLog& log)
      : shared_(shared),
        resources_(resources),
        shortage_(shortage),
        counters_(counters),
        responder_(responder),
        log_(log) {}

  // Was run() called in this millisecond?
  [[nodiscard]] bool done(const Pass& pass) const { return pass.now_ms == done_ms_; }
  // `idle`: no request is in the queue.
  void run(const Pass& pass, bool idle);

  void log_statistics(const Pass& pass);

 private:
  static constexpr uint64_t kLogIntervalMs = 10000;

  void look_at_size();

  const Shared shared_;
  Resources& resources_;
  Shortage& shortage_;
  const QueueCounters& counters_;
  const Responder& responder_;
  const RingLog log_;
  uint64_t done_ms_ = 0;
  uint64_t size_seen_ = 0;  // the owner was told to look at it
  uint64_t logged_ms_ = 0;
  uint64_t logged_requests_ = 0;
};

}  // namespace blkback
