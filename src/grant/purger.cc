// SPDX-License-Identifier: GPL-2.0
#include "grant/purger.h"

namespace blkback {

void Purger::add(PersistentGrantList& grants) {
  if (grants.empty()) return;
  {
    const SpinGuard guard(lock_);
    unfinished_ += grants.size();
    waiting_.append(grants);
  }
  host_work_schedule(this, 0);
}

bool Purger::idle() {
  const SpinGuard guard(lock_);
  return unfinished_ == 0;
}

void Purger::unmap(PersistentGrantList& grants) {
  const uint64_t charged = grants.size() * PersistentGrants::cost();
  pool_.adopt(grants.size());
  Unmapper unmapper(batch_, log_);
  while (PersistentGrant* grant = grants.pop_front()) {
    unmapper.add(grant->page, grant->handle, pool_, counters_);
    Owned<PersistentGrant>(grant).reset();
  }
  unmapper.flush(pool_, counters_);
  pool_.account().give_back(charged);
  pool_.wake_waiters();
}

void Purger::run() {
  PersistentGrantList grants;
  {
    const SpinGuard guard(lock_);
    grants.append(waiting_);
  }

  PersistentGrantList busy;
  PersistentGrantList ready;
  while (PersistentGrant* grant = grants.pop_front()) {
    (host_page_busy(grant->page) ? busy : ready).push_back(*grant);
  }
  const uint32_t unmapped = ready.size();
  if (unmapped != 0) unmap(ready);

  const bool again = !busy.empty();
  bool finished = false;
  {
    const SpinGuard guard(lock_);
    waiting_.append(busy);
    unfinished_ -= unmapped;
    finished = unfinished_ == 0;
  }
  if (again) host_work_schedule(this, kHeldPageRetryMs);
  if (finished && unmapped != 0) host_thread_wake(waiter_);
}

}  // namespace blkback
