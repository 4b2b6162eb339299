// SPDX-License-Identifier: GPL-2.0
// Whose turn it is to work on what belongs to a ring's thread.
//
// The turn is the thread's while it runs.  Before it sleeps, the thread may lend the turn:
// who completes an I/O then borrows it and finishes the request at once, in whatever context
// that is, and the thread sleeps on.  The thread takes the turn back before it does
// anything else.
//
// INVARIANT: one context at a time has the turn, and sees all that the last one has written.
#pragma once

#include <atomic>

#include "base/lock.h"

namespace blkback {

class Turn {
 public:
  Turn() = default;
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  // Context: the thread, which has the turn.
  void lend() BLKBACK_EXCLUDES(lock_) {
    const SpinGuard guard(lock_);
    set_locked(true);
  }
  // Waits for those who have borrowed the turn.  Does nothing when it is not lent.
  // Context: the thread.
  void take_back() BLKBACK_EXCLUDES(lock_) {
    if (!looks_lent()) return;
    const SpinGuard guard(lock_);
    set_locked(false);
  }

  // Calls work() with the turn, with interrupts off, and returns what work() returns.
  // Returns false, without a call, when the thread has the turn.  Context: any.
  template <typename Work>
  [[nodiscard]] bool borrow(Work work) BLKBACK_EXCLUDES(lock_) {
    // I/Os that end within the thread's own submission take no lock.
    if (!looks_lent()) return false;
    const SpinGuard guard(lock_);
    return lent_ && work();
  }

 private:
  void set_locked(bool lent) BLKBACK_REQUIRES(lock_) {
    lent_ = lent;
    looks_lent_.store(lent, std::memory_order_relaxed);
  }
  [[nodiscard]] bool looks_lent() const { return looks_lent_.load(std::memory_order_relaxed); }

  SpinLock lock_{HOST_LOCK_TURN};
  bool lent_ BLKBACK_GUARDED_BY(lock_) = false;
  // The same, for a look without the lock.  Relaxed: it only tells whether to take the lock.
  std::atomic<bool> looks_lent_{false};
};

}  // namespace blkback
