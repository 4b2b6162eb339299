// SPDX-License-Identifier: GPL-2.0
// The requests of a ring that wait because a resource that all guests share has run out
// (pages, handles for mappings, or memory), or because the guest is at its memory cap.
//
// A waiting request gives back its mappings and its buffer.  The ring purges as many idle
// persistent grants as are missing.  Only when it has too few does it ask the device's work
// for those of other rings and devices.  The ring tries its requests again when grants were
// unmapped, and after delays that grow.
//
// BEWARE: not locked: only the queue's thread may call functions without a "Context".
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
    Wishes& wishes;    // of the connection
    host_work& owner;  // the device's work, which passes the wishes on
  };

  // `index`: of the ring; decides the stagger of its retries.
  Shortage(const Shared& shared, Resources& resources, QueueCounters& counters, uint32_t index,
           const RingLog& log)
      : shared_(shared),
        resources_(resources),
        counters_(counters),
        log_(log),
        stagger_ms_(index % kRetryStaggers * kRetryStaggerMs) {}

  // Sets the thread to wake when grants were unmapped.  Call once, before a request can wait.
  void set_thread(host_thread* thread) { thread_ = thread; }
  void stop_waiting() { shared_.pool.stop_waiting(waiter_); }

  [[nodiscard]] bool empty() const { return deferred_.empty(); }

  // Takes over `slots`: requests that could not be started and now wait.
  void defer(SlotList& slots, uint64_t now_ms);

  // Call after every attempt to start requests.  `some_started`: at least one was started.
  // Plans when waiting requests are tried again.  Fails requests without handles, into
  // `completions`, when no handle was available for kHandlesPatienceMs.
  void plan_retry(bool some_started, Completions& completions, uint64_t now_ms);

  // Is it time to try waiting requests again?  `freed`: finished requests of this ring have
  // given back resources.
  [[nodiscard]] bool due(bool freed, uint64_t now_ms);
  // Milliseconds until the next retry; 0: now.
  [[nodiscard]] uint32_t next_retry_ms(uint64_t now_ms) const;
  // Moves waiting requests to `batch`, in their order, until the batch is full.
  void take(Batch& batch) { batch.fill_from(deferred_); }

  // Call while the queue is closing and requests wait.  Fails the waiting requests, into
  // `completions`, five seconds after the first call, or after the disk last had something that
  // they wait for (bounce buffers, or memory of the guest's cap), whichever is later.  Returns the
  // milliseconds until the next pass.
  [[nodiscard]] uint32_t close(Completions& completions, uint64_t now_ms);

  // The limits of persistent grants for this round.
  [[nodiscard]] PersistentGrants::Limits limits(const Pass& pass) const;

  // Other rings are short: asks this ring to give back half of its idle persistent grants.
  // Context: any.
  void ask_to_give_back() { asked_to_give_back_.store(true, std::memory_order_relaxed); }
  void give_back_when_asked(uint64_t now_ms);

 private:
  // Waiting requests are tried again after kRetryMs.  While none can be started, the delay
  // doubles, up to kRetryMostMs.
  static constexpr uint32_t kRetryMs = 10;
  static constexpr uint32_t kRetryMostMs = 160;
  // The delay after the last try when any ring of the connection has unmapped grants.  When
  // finished requests of this ring have given back resources, there is no delay.
  static constexpr uint32_t kRetryGapMs = 4;
  // When rings try at the same moment, each gets a part of the resources and none gets enough.
  // Each ring therefore waits this much longer than the ring before it.
  static constexpr uint32_t kRetryStaggerMs = 3;
  static constexpr uint32_t kRetryStaggers = 8;
  // Requests without handles fail when no handle was available for this long.
  static constexpr uint64_t kHandlesPatienceMs = 10000;
  // A ring that has given back grants for others makes no new persistent grants for this long.
  static constexpr uint64_t kGaveBackMs = 500;
  // The minimum time between two wishes to the owner.
  static constexpr uint64_t kWishIntervalMs = 100;
  // A closing queue fails its waiting requests after this time; see close().
  static constexpr uint64_t kClosingPatienceMs = 5000;

  void lose_patience(bool some_started, Completions& completions, uint64_t now_ms);
  [[nodiscard]] bool some_lack_handles() const;
  uint32_t fail_those_without_handles(Completions& completions);
  [[nodiscard]] uint32_t grants_for_cap(uint32_t pages);
  void relieve(uint64_t now_ms);

  const Shared shared_;
  Resources& resources_;
  QueueCounters& counters_;
  const RingLog log_;
  host_thread* thread_ = nullptr;
  SlotList deferred_;
  PagePool::Waiter waiter_;
  bool short_ = false;   // requests wait, as of the last plan_retry()
  bool capped_ = false;  // some of them wait because the guest is at its cap
  // Since when requests wait for handles, none could be started, and neither the disk nor the
  // storage stack has a request that would give back its own; 0: that is not so.
  uint64_t no_handles_since_ms_ = 0;
  uint64_t retried_ms_ = 0;
  uint32_t retry_ms_ = 0;  // from the last try to the next, without the stagger
  const uint32_t stagger_ms_;
  uint64_t wished_ms_ = 0;
  uint64_t keep_new_from_ms_ = 0;  // no new persistent grants before this time
  uint64_t give_up_ms_ = 0;        // when close() fails the requests; 0: not closing
  // Set by ask_to_give_back(), cleared by give_back_when_asked().  Relaxed: the wake-up of the
  // thread orders the two.
  std::atomic<bool> asked_to_give_back_{false};
};

}  // namespace blkback
