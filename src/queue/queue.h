// SPDX-License-Identifier: GPL-2.0
// One ring's worker: the thread's loop, and the queue's life.
//
// A round takes all requests at hand (intake.h), lets writes wait for barriers
// (barrier_gate.h), maps their grants with one hypercall and submits them together
// (submitter.h), collects what is done (completions.h), unmaps it with one hypercall,
// shows the answers with one write and notifies once (responder.h).
//
// INVARIANT: each request that was taken is answered exactly once, and only when
// none of its grants is mapped for it any more.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "base/log_limits.h"
#include "base/owned.h"
#include "base/result.h"
#include "driver.h"
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
#include "queue/shortage.h"
#include "queue/slot.h"
#include "queue/submitter.h"
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
  uint32_t index;    // of the ring
  const char* name;  // "<domid>.<device>-<ring>"
};

class Queue : public driver_queue {
 public:
  // What the queues of a connection share; it outlives them.
  struct Shared {
    Vbd& vbd;
    PagePool& pool;
    WriteOrder& order;
    Statistics& statistics;
    LogLimits& log;
    host_work& owner;  // scheduled when a queue has drained, or has a wish
    Wishes& wishes;
    const std::atomic<uint64_t>& squeeze_until_ms;  // buffers stay empty until then
  };

  // Maps the ring, binds the event channel and starts the thread, which does
  // nothing until serve().
  // Errors: -ENOSPC (no handles for the ring now), -ENOMEM, -EIO (impossible
  // indices), -ENFILE (no event channel), and others of the host.
  [[nodiscard]] static Result<Owned<Queue>> create(const QueueConfig& config, const Shared& shared);

  Queue(const QueueConfig& config, const Shared& shared);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  void serve();

  // Take no more requests; finish those that were taken, unmap everything and
  // schedule the owner.
  void close();
  // Nothing of the guest but the ring is mapped, and no I/O is in flight.
  [[nodiscard]] bool drained() const { return drained_.load(std::memory_order_acquire); }

  // One pass; the milliseconds until the next, or HOST_FOREVER.
  // Context: the queue's thread.
  [[nodiscard]] uint32_t work();

  // Context: interrupt.
  void event();

  // Context: any; `slot` is done.
  void done(Slot& slot);

  // Others are short of handles and pages: give back some of those that are not
  // in use.
  void give_back();

  // For how long the disk has answered nothing although it has requests of this
  // ring; 0 when it has none.  Context: any, until the destructor begins.
  [[nodiscard]] uint64_t stalled_ms(uint64_t now_ms) const {
    return completions_.stalled_ms(now_ms);
  }

  // Let the thread look at the parameters.
  void wake() { host_thread_wake(thread_); }

 private:
  // An answer waits for the storage stack to let go of a page.
  static constexpr uint32_t kHeldAnswerRetryMs = 1;

  // What the owner wants.
  enum class Order : uint8_t { kWait, kServe, kClose };

  [[nodiscard]] Result<void> set_up(const QueueConfig& config);

  void pass();
  [[nodiscard]] bool round(bool& freed);
  bool finish_done();
  void answer_batch();
  bool start_held();
  bool start_requests(bool freed);
  void serve_barrier();
  void end_of_interrupt();

  [[nodiscard]] bool closing() const {
    return order_.load(std::memory_order_acquire) == Order::kClose;
  }
  [[nodiscard]] uint32_t next_pass_ms();
  [[nodiscard]] uint32_t drain_step();

  // Written before the thread starts, then read in any context.
  const Shared shared_;
  char name_[32];
  host_thread* thread_ = nullptr;

  // The thread's; see each class for what other contexts may call.
  RingMemory memory_;
  wire::Ring ring_;
  EventChannel channel_;
  QueueCounters counters_;
  Responder responder_;
  Resources resources_;
  BarrierGate gate_;
  Completions completions_;
  Shortage shortage_;
  Submitter submitter_;
  Slots slots_;
  Intake intake_;
  Upkeep upkeep_;
  Pass pass_;    // as of the current round
  Batch batch_;  // that is being started or answered

  // From the owner.  Pairs with work().
  std::atomic<Order> order_{Order::kWait};
  // To the owner.  Pairs with drained().
  std::atomic<bool> drained_{false};
};

}  // namespace blkback
