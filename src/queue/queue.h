// SPDX-License-Identifier: GPL-2.0
// One ring's worker: the loop of its thread, from creation until the queue has drained.
//
// The thread works in rounds.  A round takes all requests at hand (intake.h), holds writes
// behind barriers (barrier_gate.h), maps the grants of the whole batch together and submits
// its I/Os together (submitter.h), collects completed requests (completions.h), unmaps their
// grants together (resources.h), publishes all responses with one write and notifies the
// frontend once (responder.h).  Requests that lack pages, handles or memory wait and are
// tried again (shortage.h).
//
// INVARIANT: each request that was taken from the ring is answered exactly once, and only
// after its ordinary grants are unmapped and its use of persistent grants has ended.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "base/account.h"
#include "base/log_limits.h"
#include "base/owned.h"
#include "base/result.h"
#include "driver.h"
#include "driver_inspection.h"
#include "host/thread.h"
#include "queue/barrier_gate.h"
#include "queue/batch.h"
#include "queue/completions.h"
#include "queue/event_channel.h"
#include "queue/intake.h"
#include "queue/pass.h"
#include "queue/resources.h"
#include "queue/responder.h"
#include "queue/ring_memory.h"
#include "queue/round_clock.h"
#include "queue/shortage.h"
#include "queue/slot.h"
#include "queue/submitter.h"
#include "queue/turn.h"
#include "queue/upkeep.h"
#include "queue/wishes.h"
#include "queue/write_order.h"
#include "vbd/statistics.h"
#include "vbd/vbd.h"
#include "wire/ring.h"

struct driver_queue {};

namespace blkback {

struct QueueConfig {
  host_device* device;
  std::span<const uint32_t> ring_refs;
  uint32_t event_channel;
  wire::Layout layout;
  Mapper::Persistence persistence;
  uint32_t index;    // of the ring, from 0
  const char* name;  // "<domid>.<device>-<ring>"
};

class Queue : public driver_queue {
 public:
  // Objects that the queues of a connection share.  They outlive the queues.
  struct Shared {
    Vbd& vbd;
    PagePool& pool;
    WriteOrder& order;
    Statistics& statistics;
    LogLimits& log;
    host_work& owner;  // scheduled when a queue has drained, has a wish, or sees a new disk size
    Wishes& wishes;
    const std::atomic<uint64_t>& squeeze_until_ms;  // no free pages are kept until then
  };

  // Maps the ring, starts the thread, which does nothing until serve(), and binds the event
  // channel.
  // Errors: -ENOSPC (no handles for the ring now), -ENOMEM, -EIO (impossible
  // indices), -ENFILE (no event channel), and others of the host interface.
  [[nodiscard]] static Result<Owned<Queue>> create(const QueueConfig& config, const Shared& shared);

  // The floor of a ring of so many pages, in bytes: what create() allocates, and the pages of
  // one largest request.  `copies`: see Vbd::copies().
  [[nodiscard]] static uint64_t floor(uint32_t ring_pages, bool copies) {
    return cost(ring_pages, copies) + uint64_t{Resources::kFloorPages} * host_page_cost();
  }

  Queue(const QueueConfig& config, const Shared& shared);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  void serve();

  // Stops taking requests.  The thread finishes the requests that were taken, unmaps all
  // their grants, and schedules the owner when the queue has drained.
  void close();
  // True after close() when no I/O is in flight and only the ring of the guest is mapped.
  [[nodiscard]] bool drained() const { return drained_.load(std::memory_order_acquire); }

  // Makes one pass.  Returns the milliseconds until the next pass, or HOST_FOREVER.
  // Context: the queue's thread.
  [[nodiscard]] uint32_t work();

  // The frontend has sent an event.  Context: interrupt.
  void event();

  // The disk has completed the I/O of `slot`.  Context: any.
  void done(Slot& slot);

  // Other rings are short of handles or pages: makes the thread give back half of the ring's
  // idle persistent grants.
  void give_back();

  // The milliseconds for which the disk has completed nothing although it has I/Os of this
  // ring; 0 when it has none.  Context: any, until the destructor begins.
  [[nodiscard]] uint64_t stalled_ms(uint64_t now_ms) const {
    return completions_.stalled_ms(now_ms);
  }

  [[nodiscard]] uint32_t thread_pid() const { return host_thread_pid(thread_); }

  // The number of private pages that the ring keeps for later requests; its thread gives them
  // back.  Context: any, until the destructor begins.
  [[nodiscard]] uint32_t private_pages() const { return resources_.private_pages(); }

  // What an administrator may see.  Context: any, until the destructor begins.
  [[nodiscard]] uint32_t slots() const { return ring_.size(); }
  void inspect(driver_ring_info& info, std::span<driver_request_info> requests) const;

  // Makes the thread look at the ring and read the parameters again.  Context: any.
  void wake() const { host_thread_wake(thread_); }

 private:
  // How often a finished request is checked again while the storage stack holds its pages.
  static constexpr uint32_t kHeldAnswerRetryMs = 1;
  // A thread that has lent its turn sleeps for this long at most: memory that requests have
  // given back meanwhile is given back to the host then.
  static constexpr uint32_t kLentMostMs = 1000;
  // With more I/Os than these at the disk the thread keeps its turn: requests that end together
  // share its wake-up, their unmapping and their event.
  static constexpr uint32_t kLentMostIos = 8;

  // What the owner has told the thread to do.
  enum class Order : uint8_t { kWait, kServe, kClose };

  [[nodiscard]] static uint64_t cost(uint32_t ring_pages, bool copies);
  [[nodiscard]] Result<void> set_up(const QueueConfig& config);

  [[nodiscard]] bool finish_at_once(Slot& slot);
  [[nodiscard]] bool may_lend() const;
  void pass();
  [[nodiscard]] bool round(bool& freed);
  bool finish_done();
  void answer_batch();
  bool start_held();
  bool start_requests(bool freed);
  void serve_barrier();
  void end_of_interrupt();

  [[nodiscard]] driver_ring_state state() const;
  [[nodiscard]] bool closing() const {
    return order_.load(std::memory_order_acquire) == Order::kClose;
  }
  [[nodiscard]] uint32_t next_pass_ms();
  [[nodiscard]] uint32_t drain_step();

  // Written before the thread starts.  Read in any context after that.
  const Shared shared_;
  char name_[32];
  const RingLog log_;
  host_thread* thread_ = nullptr;
  FloorUse memory_use_;

  // Used by who has the turn: the thread, or while it sleeps who completes an I/O.  Each class
  // says which functions other contexts may call.
  Turn turn_;
  RingMemory memory_;
  wire::Ring ring_;
  EventChannel channel_;
  QueueCounters counters_;
  Responder responder_;
  RoundClock clock_;
  Resources resources_;
  BarrierGate gate_;
  Completions completions_;
  Shortage shortage_;
  Submitter submitter_;
  Slots slots_;
  Intake intake_;
  Upkeep upkeep_;
  Pass pass_;    // of the current round
  Batch batch_;  // the requests that are being started or answered
  // Has a request begun or ended since the turn was last lent?
  bool worked_ = false;

  // Written by the owner in serve() and close().  Pairs with work() and closing().
  std::atomic<Order> order_{Order::kWait};
  // Written by the thread in drain_step(), for the owner.  Pairs with drained().
  std::atomic<bool> drained_{false};
};

}  // namespace blkback
