// SPDX-License-Identifier: GPL-2.0
// The worker that unmaps the persistent grants that a queue has purged.
//
// The worker runs only when there are grants to unmap.  It is not the queue's thread, so
// requests do not wait for it.
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

  // What create() allocates, in bytes.
  [[nodiscard]] static uint64_t cost() { return GrantBatch::cost(kBatch); }

  // Adds grants to unmap.  They must be out of the tree and not in use.
  void add(PersistentGrantList& grants) BLKBACK_EXCLUDES(lock_);

  // One run of the worker.  Wakes the waiter when the last grant is unmapped.
  void run() BLKBACK_EXCLUDES(lock_);

  // Sets the thread to wake when no grant is left.  Once, before the first add().
  void set_waiter(host_thread* waiter) { waiter_ = waiter; }

  // Is every added grant unmapped?
  [[nodiscard]] bool idle() BLKBACK_EXCLUDES(lock_);

  [[nodiscard]] GrantCounters& counters() { return counters_; }

  static constexpr uint32_t kBatch = 64;
  // A page that the storage stack still holds is tried again after this time.  No guest
  // waits for the page.
  static constexpr uint32_t kHeldPageRetryMs = 5;

 private:
  void unmap(PersistentGrantList& grants);

  PagePool& pool_;
  const RingLog log_;
  host_thread* waiter_ = nullptr;  // set once: see set_waiter()
  GrantCounters counters_;         // written by the worker only
  GrantBatch batch_;               // used by the worker only

  SpinLock lock_{HOST_LOCK_PURGE};
  PersistentGrantList waiting_ BLKBACK_GUARDED_BY(lock_);
  uint32_t unfinished_ BLKBACK_GUARDED_BY(lock_) = 0;
};

}  // namespace blkback
