// SPDX-License-Identifier: GPL-2.0
// Where a ring's requests wait when what all guests share has run out: pages,
// handles for mappings, memory.
//
// They give back what they have and wait.  The ring gives back idle persistent
// grants, as many as are missing, and asks the device's work for those of other
// rings only when it has not enough.  It tries again when something was unmapped,
// and after times that grow.
//
// BEWARE: what has no "Context" belongs to the queue's thread and needs no lock.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/log_limits.h"
#include "grant/page_pool.h"
#include "host/thread.h"
#include "queue/batch.h"
#include "queue/completions.h"
#include "queue/pass.h"
#include "queue/resources.h"
#include "queue/slot.h"
#include "queue/wishes.h"
#include "vbd/statistics.h"

namespace blkback {

class Shortage {
 public:
  struct Shared {
    PagePool& pool;
    Wishes& wishes;    // of the device
    host_work& owner;  // grants the wishes
  };

  // `index`: of the ring.
  Shortage(const Shared& shared, Resources& resources, QueueCounters& counters, uint32_t index,
           const RingLog& log)
      : shared_(shared),
        resources_(resources),
        counters_(counters),
        log_(log),
        stagger_ms_(index % kRetryStaggers * kRetryStaggerMs) {}

  // The thread to wake when something has come free; once, before a request can wait.
  void set_thread(host_thread* thread) { thread_ = thread; }
  void stop_waiting() { shared_.pool.stop_waiting(waiter_); }

  [[nodiscard]] bool empty() const { return deferred_.empty(); }

  // Lets requests wait that could not be started.
  void defer(SlotList& slots, uint64_t now_ms);

  // After requests were started, or could not be: plans when those that wait try again.
  // Fails those without handles, into `completions`, when none was to be had for long.
  void plan_retry(bool some_started, Completions& completions, uint64_t now_ms);

  // Is it time to try again?  `freed`: something of this ring has come free.
  [[nodiscard]] bool due(bool freed, uint64_t now_ms);
  // Milliseconds until it is.
  [[nodiscard]] uint32_t next_retry_ms(uint64_t now_ms) const;
  // Takes those that wait, in their order, until the batch is full.
  void take(Batch& batch) { batch.fill_from(deferred_); }

  // The queue closes: fails those that wait, into `completions`, five seconds after the first
  // call, or after buffers were last with the disk.  Returns the milliseconds until the next
  // pass.
  [[nodiscard]] uint32_t close(Completions& completions, uint64_t now_ms);

  // The bounds of persistent grants, as they are just now.
  [[nodiscard]] PersistentGrants::Limits limits(const Pass& pass) const;

  // Other rings are short: give back some of what is not in use.  Context: any.
  void ask_to_give_back() { asked_to_give_back_.store(true, std::memory_order_relaxed); }
  void give_back_when_asked(uint64_t now_ms);

 private:
  // Requests that wait are tried again after the first of these times, then after
  // twice as long, up to the second.
  static constexpr uint32_t kRetryMs = 10;
  static constexpr uint32_t kRetryMostMs = 160;
  // At least so long after the last try when something has come free.
  static constexpr uint32_t kRetryGapMs = 4;
  // Rings that try at the same moment take from each other what is enough for
  // one: each waits so much longer than the one before it.
  static constexpr uint32_t kRetryStaggerMs = 3;
  static constexpr uint32_t kRetryStaggers = 8;
  // Requests without handles fail when for so long none was to be had.
  static constexpr uint64_t kHandlesPatienceMs = 10000;
  // So long a ring that has given back for others keeps nothing new.
  static constexpr uint64_t kGaveBackMs = 500;
  // The owner is told of a shortage at most this often.
  static constexpr uint64_t kWishIntervalMs = 100;
  // A queue that closes gives up on requests without pages after this time.
  static constexpr uint64_t kClosingPatienceMs = 5000;

  void lose_patience(bool some_started, Completions& completions, uint64_t now_ms);
  [[nodiscard]] bool some_lack_handles() const;
  uint32_t fail_those_without_handles(Completions& completions);
  void relieve(uint64_t now_ms);

  const Shared shared_;
  Resources& resources_;
  QueueCounters& counters_;
  const RingLog log_;
  host_thread* thread_ = nullptr;
  SlotList deferred_;
  PagePool::Waiter waiter_;
  bool short_ = false;  // requests wait, as of the last plan_retry()
  // They wait for handles, none could be started, and none is with the disk that
  // would give its own back; 0: that is not so.
  uint64_t no_handles_since_ms_ = 0;
  uint64_t retried_ms_ = 0;
  uint32_t retry_ms_ = 0;  // from the last try to the next, less the stagger
  const uint32_t stagger_ms_;
  uint64_t wished_ms_ = 0;
  uint64_t keep_new_from_ms_ = 0;  // others needed what this ring kept
  uint64_t give_up_ms_ = 0;        // see close(); 0: not closing
  // Orders nothing: the wake-up does.
  std::atomic<bool> asked_to_give_back_{false};
};

}  // namespace blkback
