// SPDX-License-Identifier: GPL-2.0
// The order of a device's writes around a WRITE_BARRIER.
//
// blkif.h of Xen: writes that were issued before the barrier are done before
// it, writes issued after it wait for it.  The rings of a device share this:
// the ring that has taken a barrier raises it, and notes how far the frontend had
// come in every other ring: what stands there precedes the barrier.  Each ring
// starts that, then acknowledges that it holds back what follows; when all have,
// and their earlier writes are answered, the barrier goes to the disk; its answer
// lowers it.
//
// Reads, and flushes without data, are not held.
//
// So that writes pay nothing when no barrier is up, each ring counts its own,
// and the ring that wants a barrier asks the others (by waking them), instead
// of everybody synchronising with everybody at each write.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/intrusive_list.h"
#include "base/lock.h"
#include "host/thread.h"
#include "wire/ring.h"

namespace blkback {

class WriteOrder {
 public:
  // One ring's part.  Its owner's thread alone calls its functions; the link of
  // the list belongs to the lock.
  class Member : public ListLink {
   public:
    // Takes part from now on; @thread is woken when there is news, @requests
    // is asked how far the frontend has come (nullptr: nowhere).
    void join(WriteOrder& order, host_thread* thread, const wire::Ring* requests)
        BLKBACK_EXCLUDES(order.lock_);
    // Has no writes and will take none any more.
    void leave() BLKBACK_EXCLUDES(order_->lock_);

    // Is a barrier up?  Asked after it is known how many requests wait: those
    // stood in the ring before a barrier that is raised later.
    [[nodiscard]] bool look();
    // With a barrier up: does the write at this index of the ring follow it?
    [[nodiscard]] bool follows(uint32_t index) const;
    // With a barrier up, as of the last look(): all writes that precede it have begun,
    // and those that follow are held from now on.  A barrier that was raised since is not
    // acknowledged by this: other writes may precede it.
    void acknowledge() BLKBACK_EXCLUDES(order_->lock_);
    void begin_write() {
      writes_.store(writes_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    void end_write() {
      writes_.store(writes_.load(std::memory_order_relaxed) - 1, std::memory_order_release);
    }
    // Once per pass, after writes have ended: tells a waiting barrier.
    void tell_raiser() BLKBACK_EXCLUDES(order_->lock_);

    // Makes this ring's barrier, at that index, the device's; false while
    // another is up.
    [[nodiscard]] bool try_raise(uint32_t index) BLKBACK_EXCLUDES(order_->lock_);
    // With our barrier up: do all rings hold back, and is none of their writes
    // under way, nor one of ours?
    [[nodiscard]] bool quiet() BLKBACK_EXCLUDES(order_->lock_);
    void lower() BLKBACK_EXCLUDES(order_->lock_);

   private:
    friend class WriteOrder;

    WriteOrder* order_ = nullptr;  // its own thread's
    uint32_t seen_ = 0;            // the number that look() found; its own thread's
    // Set before it stands in the list.
    host_thread* thread_ = nullptr;
    const wire::Ring* requests_ = nullptr;
    // The first index that follows the barrier that is up.  Stored under the
    // lock, before the barrier's number; pairs with look().
    std::atomic<uint32_t> first_after_{0};
    // Written by the ring's thread.  Read with acquire by quiet() of another ring,
    // after the acknowledgement behind which no write begins; pairs with the
    // release of end_write(): who sees that a write has ended sees all that it
    // did.
    std::atomic<uint32_t> writes_{0};
    // The number of the last barrier that the ring has acknowledged.  Stored
    // with release, pairs with quiet(): the writes that began before are in the
    // count.
    std::atomic<uint32_t> acknowledged_{0};
  };

  WriteOrder() = default;
  WriteOrder(const WriteOrder&) = delete;
  WriteOrder& operator=(const WriteOrder&) = delete;

 private:
  SpinLock lock_{HOST_LOCK_ORDER};
  IntrusiveList<Member> rings_ BLKBACK_GUARDED_BY(lock_);
  Member* raised_by_ BLKBACK_GUARDED_BY(lock_) = nullptr;
  // The number of the barrier that is up; 0 when none is.  Stored under the
  // lock, pairs with look().
  std::atomic<uint32_t> up_{0};
  uint32_t last_ BLKBACK_GUARDED_BY(lock_) = 0;
};

}  // namespace blkback
