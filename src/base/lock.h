// SPDX-License-Identifier: GPL-2.0
// Spinlocks and their guard.
//
// Lock order: see enum host_lock_class.  Under a spinlock, call only host functions
// whose context is "any".  For all others: collect, unlock, call.
#pragma once

#include "host/annotations.h"
#include "host/lock.h"

namespace blkback {

class BLKBACK_CAPABILITY("spinlock") SpinLock {
 public:
  explicit SpinLock(host_lock_class lock_class) { host_spinlock_init(&lock_, lock_class); }
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

 private:
  friend class SpinGuard;
  host_spinlock lock_{};
};

// Holds the lock for a scope, with interrupts off.
class BLKBACK_SCOPED_CAPABILITY SpinGuard {
 public:
  explicit SpinGuard(SpinLock& lock) BLKBACK_ACQUIRE(lock)
      : lock_(&lock.lock_), state_(host_spinlock_lock(&lock.lock_)) {}
  ~SpinGuard() BLKBACK_RELEASE() { host_spinlock_unlock(lock_, state_); }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;

 private:
  host_spinlock* lock_;
  unsigned long state_;
};

}  // namespace blkback
