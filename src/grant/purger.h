// SPDX-License-Identifier: GPL-2.0
// The worker that unmaps persistent grants which a queue has given up.
//
// It runs only when there is something to unmap, beside the queue's thread, so
// that requests do not wait for it.
#pragma once

#include "base/lock.h"
#include "base/owned.h"
#include "grant/mapper.h"
#include "grant/persistent_grants.h"
#include "host/thread.h"

namespace blkback {

class Purger : public host_work {
 public:
  Purger(PagePool& pool, const RingLog& log) : host_work{}, pool_(pool), log_(log) {
    host_work_init(this, DRIVER_WORK_PURGE);
  }
  ~Purger() { host_work_cancel(this); }
  Purger(const Purger&) = delete;
  Purger& operator=(const Purger&) = delete;

  // Error: -ENOMEM.
  [[nodiscard]] Result<void> create() { return batch_.create(kBatch); }

  // Hands grants over; they are no longer in the tree and in nobody's use.
  void add(PersistentGrantList& grants) BLKBACK_EXCLUDES(lock_);

  // One run of the worker; the waiter is woken when the last grant is unmapped.
  void run() BLKBACK_EXCLUDES(lock_);

  // The thread to wake when nothing is left; set once, before the first add().
  void set_waiter(host_thread* waiter) { waiter_ = waiter; }

  // Is every grant that was handed over unmapped?
  [[nodiscard]] bool idle() BLKBACK_EXCLUDES(lock_);

  [[nodiscard]] GrantCounters& counters() { return counters_; }

  static constexpr uint32_t kBatch = 64;
  // A page that the storage stack still holds is looked at again after this;
  // no guest waits for it.
  static constexpr uint32_t kHeldPageRetryMs = 5;

 private:
  PagePool& pool_;
  const RingLog log_;
  host_thread* waiter_ = nullptr;  // set once: see set_waiter()
  GrantCounters counters_;         // the worker's
  GrantBatch batch_;               // the worker's

  SpinLock lock_{HOST_LOCK_PURGE};
  PersistentGrantList waiting_ BLKBACK_GUARDED_BY(lock_);
  uint32_t unfinished_ BLKBACK_GUARDED_BY(lock_) = 0;
};

}  // namespace blkback
