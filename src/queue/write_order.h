// SPDX-License-Identifier: GPL-2.0
// The order of a device's writes around a WRITE_BARRIER.
//
// blkif.h of Xen: writes issued before the barrier are done before it, writes issued after
// it wait for it.  All rings of a device share this order.  A barrier goes through these
// steps:
//  - The ring that has taken the barrier raises it: try_raise() notes, for every other ring,
//    how many requests the frontend has produced there, and wakes that ring.  Those requests
//    precede the barrier; requests after them follow it.
//  - Each ring starts its earlier writes, then acknowledges that it holds the later ones
//    (acknowledge()).
//  - When all rings have acknowledged and their earlier writes are answered (quiet()), the
//    barrier goes to the disk.
//  - The answer to the barrier lowers it (lower()).
// A barrier is up from try_raise() to lower().  At most one barrier of a device is up.
//
// Reads, and flushes without data, are not held.
//
// Writes pay nothing when no barrier is up: each ring counts its own writes, and rings
// synchronise only when one of them raises a barrier, not at each write.
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
  // One ring's part.  The queue calls join() before its thread serves the ring, and may call
  // leave() in its destructor.  Only the ring's thread calls the other functions.  The lock
  // guards the link of the list.
  class Member : public ListLink {
   public:
    // Adds the ring to the order.  @thread is woken when a barrier is raised, acknowledged or
    // lowered, and when writes before it have ended.  @requests is the ring that tells how far the
    // frontend has come (nullptr: nowhere).
    void join(WriteOrder& order, host_thread* thread, const wire::Ring* requests)
        BLKBACK_EXCLUDES(order.lock_);
    // Removes the ring from the order.  The ring has no writes and will take none any more.
    // Does nothing when the ring has not joined, or has left.
    void leave() BLKBACK_EXCLUDES(order_->lock_);

    // Is a barrier up?  Call after Ring::pending() and before requests are taken: requests
    // counted there precede any later barrier.
    [[nodiscard]] bool look();
    // With a barrier up: does the request at this index of the ring follow the barrier?
    [[nodiscard]] bool follows(uint32_t index) const;
    // Acknowledges the barrier that the last look() found: all writes that precede it have
    // begun, and writes that follow it are held from now on.  A barrier that was raised after
    // that look() is not acknowledged: other writes may precede it.
    void acknowledge() BLKBACK_EXCLUDES(order_->lock_);
    void begin_write() {
      writes_.store(writes_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    void end_write() {
      writes_.store(writes_.load(std::memory_order_relaxed) - 1, std::memory_order_release);
    }
    // Wakes the ring whose barrier is up, unless it is this ring.  Call once per round while a
    // barrier is up, after writes have ended.
    void tell_raiser() BLKBACK_EXCLUDES(order_->lock_);

    // Raises this ring's barrier, the request at @index.  Returns false while a barrier of
    // another ring is up, and true when this ring's barrier is up already.
    [[nodiscard]] bool try_raise(uint32_t index) BLKBACK_EXCLUDES(order_->lock_);
    // With this ring's barrier up: have all other rings acknowledged it, and has no ring, this
    // one included, a write that has begun and not ended?
    [[nodiscard]] bool quiet() BLKBACK_EXCLUDES(order_->lock_);
    void lower() BLKBACK_EXCLUDES(order_->lock_);

   private:
    friend class WriteOrder;

    WriteOrder* order_ = nullptr;  // used by the ring's thread
    uint32_t seen_ = 0;            // number of the barrier that look() found; used by that thread
    // Set before the ring is in the list.
    host_thread* thread_ = nullptr;
    const wire::Ring* requests_ = nullptr;
    // The first index of this ring that follows the barrier that is up.  Stored under the
    // lock, before the barrier's number is stored with release; pairs with look().
    std::atomic<uint32_t> first_after_{0};
    // The writes of this ring that have begun and not ended.  Written by the ring's thread.
    // quiet() of another ring reads it with acquire, after the acknowledgement: no write begins
    // between the acknowledgement and lower().  Pairs with the release in end_write(): a ring
    // that sees that a write has ended sees all that the write did.
    std::atomic<uint32_t> writes_{0};
    // The number of the last barrier that the ring has acknowledged.  Stored with release;
    // pairs with quiet(): a ring that sees the number sees the earlier writes in writes_.
    std::atomic<uint32_t> acknowledged_{0};
  };

  WriteOrder() = default;
  WriteOrder(const WriteOrder&) = delete;
  WriteOrder& operator=(const WriteOrder&) = delete;

 private:
  SpinLock lock_{HOST_LOCK_ORDER};
  IntrusiveList<Member> rings_ BLKBACK_GUARDED_BY(lock_);
  Member* raised_by_ BLKBACK_GUARDED_BY(lock_) = nullptr;
  // The number of the barrier that is up; 0 when none is.  Stored under the lock with release;
  // pairs with look().
  std::atomic<uint32_t> up_{0};
  uint32_t last_ BLKBACK_GUARDED_BY(lock_) = 0;
};

}  // namespace blkback
