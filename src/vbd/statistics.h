// SPDX-License-Identifier: GPL-2.0
// The statistics of a device since it was created.
//
// Each queue has its own counters.  read() sums them up.
// INVARIANT: the totals never go backwards, whoever connects or disconnects.
#pragma once

#include <span>

#include "base/counter.h"
#include "base/intrusive_list.h"
#include "base/lock.h"
#include "driver.h"
#include "request/request.h"
#include "vbd/latency.h"

namespace blkback {

// The counters of one queue; sysfs shows their sums over all queues.
struct QueueCounters : ListLink {
  Counter out_of_resources;
  Counter reads;
  Counter writes;
  Counter flushes;
  Counter discards;
  Counter sectors_read;
  Counter sectors_written;
  Counter errors;        // responses other than BLKIF_RSP_OKAY
  Counter refused;       // requests that were malformed or not allowed
  Counter grant_hits;    // grants that were mapped persistently when a request needed them
  Counter grant_misses;  // with persistent grants: grants that had to be mapped
  Latency latency[DRIVER_REQUEST_KINDS][DRIVER_LATENCY_SPANS];

  // A request was answered.
  void answered(driver_request_kind kind, const RequestTimes& times, uint64_t now_ns);
};

// The statistics count barriers as flushes.
[[nodiscard]] driver_request_kind kind_of(Operation operation);

// A device's totals.
class Statistics {
 public:
  // enlist() adds a queue's counters to the totals.  retire() removes them and keeps their
  // values in the totals.
  void enlist(QueueCounters& counters) BLKBACK_EXCLUDES(lock_);
  void retire(QueueCounters& counters) BLKBACK_EXCLUDES(lock_);

  [[nodiscard]] driver_statistics read() BLKBACK_EXCLUDES(lock_);
  // Fills `buckets`, one for each of driver_latency_read().
  void read_latency(driver_request_kind kind, driver_latency_span span,
                    std::span<uint64_t, DRIVER_LATENCY_BUCKETS> buckets) BLKBACK_EXCLUDES(lock_);

 private:
  static void sum(driver_statistics& totals, const QueueCounters& counters);

  SpinLock lock_{HOST_LOCK_STATISTICS};
  IntrusiveList<QueueCounters> queues_ BLKBACK_GUARDED_BY(lock_);
  driver_statistics retired_ BLKBACK_GUARDED_BY(lock_){};
  uint64_t retired_latency_[DRIVER_REQUEST_KINDS][DRIVER_LATENCY_SPANS]
                           [DRIVER_LATENCY_BUCKETS] BLKBACK_GUARDED_BY(lock_) = {};
};

}  // namespace blkback
