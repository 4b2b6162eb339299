// SPDX-License-Identifier: GPL-2.0
#include "vbd/statistics.h"

#include <algorithm>

namespace blkback {

void QueueCounters::answered(driver_request_kind kind, const RequestTimes& times, uint64_t now_ns) {
  latency[kind][DRIVER_LATENCY_TOTAL].add(now_ns - times.taken);
  if (times.submitted != 0) latency[kind][DRIVER_LATENCY_DISK].add(times.done - times.submitted);
}

driver_request_kind kind_of(Operation operation) {
  switch (operation) {
    case Operation::kRead:
      return DRIVER_READ;
    case Operation::kWrite:
      return DRIVER_WRITE;
    case Operation::kFlush:
    case Operation::kBarrier:
      return DRIVER_FLUSH;
    case Operation::kDiscard:
      break;
  }
  return DRIVER_DISCARD;
}

void Statistics::sum(driver_statistics& totals, const QueueCounters& counters) {
  totals.oo_req += counters.out_of_resources.get();
  totals.rd_req += counters.reads.get();
  totals.wr_req += counters.writes.get();
  totals.f_req += counters.flushes.get();
  totals.ds_req += counters.discards.get();
  totals.rd_sect += counters.sectors_read.get();
  totals.wr_sect += counters.sectors_written.get();
  totals.err_req += counters.errors.get();
  totals.refused_req += counters.refused.get();
  totals.pg_hits += counters.grant_hits.get();
  totals.pg_misses += counters.grant_misses.get();
  for (uint32_t kind = 0; kind < DRIVER_REQUEST_KINDS; ++kind) {
    totals.done[kind] += counters.latency[kind][DRIVER_LATENCY_TOTAL].count();
    totals.total_us[kind] += counters.latency[kind][DRIVER_LATENCY_TOTAL].total_us();
    totals.disk_us[kind] += counters.latency[kind][DRIVER_LATENCY_DISK].total_us();
  }
}

void Statistics::enlist(QueueCounters& counters) {
  const SpinGuard guard(lock_);
  queues_.push_back(counters);
}

void Statistics::retire(QueueCounters& counters) {
  const SpinGuard guard(lock_);
  sum(retired_, counters);
  for (uint32_t kind = 0; kind < DRIVER_REQUEST_KINDS; ++kind) {
    for (uint32_t span = 0; span < DRIVER_LATENCY_SPANS; ++span) {
      for (uint32_t i = 0; i < DRIVER_LATENCY_BUCKETS; ++i) {
        retired_latency_[kind][span][i] += counters.latency[kind][span].count(i);
      }
    }
  }
  queues_.remove(counters);
}

void Statistics::read_latency(driver_request_kind kind, driver_latency_span span,
                              std::span<uint64_t, DRIVER_LATENCY_BUCKETS> buckets) {
  const SpinGuard guard(lock_);
  std::copy_n(retired_latency_[kind][span], buckets.size(), buckets.begin());
  for (const QueueCounters* queue = queues_.front(); queue != nullptr;
       queue = queues_.next(*queue)) {
    for (uint32_t i = 0; i < buckets.size(); ++i) {
      buckets[i] += queue->latency[kind][span].count(i);
    }
  }
}

driver_statistics Statistics::read() {
  const SpinGuard guard(lock_);
  driver_statistics totals = retired_;
  for (const QueueCounters* queue = queues_.front(); queue != nullptr;
       queue = queues_.next(*queue)) {
    sum(totals, *queue);
  }
  return totals;
}

}  // namespace blkback
