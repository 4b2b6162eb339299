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
  void lend() {
    const SpinGuard guard(lock_);
    lent_.store(true, std::memory_order_relaxed);
  }
  // Waits for those who have borrowed the turn.  Does nothing when it is not lent.
  // Context: the thread.
  void take_back() {
    if (!lent()) return;
    const SpinGuard guard(lock_);
    lent_.store(false, std::memory_order_relaxed);
  }

  // Calls work() with the turn, with interrupts off, and returns what work() returns.
  // Returns false, without a call, when the thread has the turn.  Context: any.
  template <typename Work>
  [[nodiscard]] bool borrow(Work work) {
    // The thread's own submission may complete I/Os: without this look they would take the lock.
    if (!lent()) return false;
    const SpinGuard guard(lock_);
    return lent() && work();
  }

 private:
  [[nodiscard]] bool lent() const { return lent_.load(std::memory_order_relaxed); }

  SpinLock lock_{HOST_LOCK_TURN};
  // Relaxed: the lock orders what the turn guards.  A look without the lock only tells
  // whether to take it.  Written by the thread.
  std::atomic<bool> lent_{false};
};

}  // namespace blkback
