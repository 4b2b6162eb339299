// SPDX-License-Identifier: GPL-2.0
#include "vbd/statistics.h"

namespace blkback {

void Statistics::sum(driver_statistics& totals, const QueueCounters& counters) {
  totals.oo_req += counters.out_of_resources.get();
  totals.rd_req += counters.reads.get();
  totals.wr_req += counters.writes.get();
  totals.f_req += counters.flushes.get();
  totals.ds_req += counters.discards.get();
  totals.rd_sect += counters.sectors_read.get();
  totals.wr_sect += counters.sectors_written.get();
}

void Statistics::enlist(QueueCounters& counters) {
  const SpinGuard guard(lock_);
  queues_.push_back(counters);
}

void Statistics::retire(QueueCounters& counters) {
  const SpinGuard guard(lock_);
  sum(retired_, counters);
  queues_.remove(counters);
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
