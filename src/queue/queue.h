// SPDX-License-Identifier: GPL-2.0
// One ring's worker.
//
// A pass takes all requests at hand, maps their grants with one hypercall,
// submits them together, collects what is done, unmaps it with one hypercall,
// shows the answers with one write and notifies once.
//
// INVARIANT: each request that was taken is answered exactly once, and only
// when none of its grants is mapped for it any more.
// BEWARE: all members without a comment belong to the queue's thread and need
// no lock; create() and the destructor have them while there is none.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "base/log_limits.h"
#include "base/owned.h"
#include "base/result.h"
#include "driver.h"
#include "grant/mapper.h"
#include "grant/purger.h"
#include "host/event.h"
#include "host/parameter.h"
#include "host/thread.h"
#include "queue/bounce.h"
#include "queue/segment_blocks.h"
#include "queue/shortage.h"
#include "queue/slot.h"
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
  void give_back() {
    asked_to_give_back_.store(true, std::memory_order_relaxed);
    host_thread_wake(thread_);
  }

  // For how long the disk has answered nothing although it has requests of this
  // ring; 0 when it has none.  Context: any, until the destructor begins.
  [[nodiscard]] uint64_t stalled_ms(uint64_t now_ms) const;

  // Let the thread look at the parameters.
  void wake() { host_thread_wake(thread_); }

 private:
  static constexpr uint32_t kMaxBatch = 128;
  static constexpr uint32_t kFastBatch = 16;
  // Requests that wait for pages or handles are tried again after the first of
  // these times, then after twice as long, up to the second.
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
  // An answer waits for the storage stack to let go of a page.
  static constexpr uint32_t kHeldAnswerRetryMs = 1;
  static constexpr uint64_t kLogIntervalMs = 10000;
  // A queue that closes gives up on requests without pages after this time.
  static constexpr uint64_t kClosingPatienceMs = 5000;

  [[nodiscard]] Result<void> set_up(const QueueConfig& config);

  void pass();

  // Taking: from the ring to the batch, or to where they wait.
  bool start_requests(bool progress);
  uint32_t take_requests(uint32_t waiting);
  Slot* take_one();
  void fill_slot(Slot& slot, const Request& request) const;
  [[nodiscard]] static bool ordered(const Slot& slot);
  [[nodiscard]] bool must_wait(const Slot& slot) const;
  [[nodiscard]] bool all_before_barrier_begun();
  bool start_held();

  // What has run out: requests that wait for it.
  void defer(SlotList& slots);
  void plan_retry(bool some_started);
  void lose_patience(bool some_started);
  // Requests that give back what they hold when the storage lets go of them.
  [[nodiscard]] bool storage_has_some() const {
    return in_flight_.load(std::memory_order_relaxed) != 0 || !busy_.empty();
  }
  void relieve_shortage();
  void give_back_when_asked();
  void retry_deferred(bool progress);
  [[nodiscard]] uint32_t next_retry_ms() const;

  // Starting: descriptors, data, disk.
  void submit_batch(uint32_t count);
  uint32_t map_descriptors(uint32_t count);
  void map_jobs(uint32_t count);
  [[nodiscard]] bool read_descriptors(Slot& slot);
  void submit_ready(uint32_t count);
  uint32_t take_buffers(uint32_t count);
  void prepare_io(Slot& slot);
  void prepare_discard_part(Slot& slot) const;
  static void prepare_copied_part(Slot& slot);
  void prepare_next_part(Slot& slot) const;
  bool submit_parts();
  void refuse(Slot& slot, Status status, const char* reason);

  // Finishing.
  [[nodiscard]] bool done_waits() const;
  bool finish_done();
  void collect_done(SlotList& done);
  void finish(std::span<Slot* const> slots);
  void log_failure(const Slot& slot);
  void answer(const Identity& identity, Status status);

  bool more_requests();
  void halt();
  void end_of_interrupt();
  void keep_limits();
  void look_at_size();
  [[nodiscard]] uint32_t next_pass_ms();
  [[nodiscard]] uint32_t drain_step();
  void log_statistics();
  [[nodiscard]] PersistentGrants::Limits limits() const;

  // Written by create() alone, read in any context.
  Shared shared_;
  host_device* device_;
  char name_[32];
  void* ring_memory_ = nullptr;
  host_event_channel* channel_ = nullptr;
  host_thread* thread_ = nullptr;

  wire::Ring ring_;

  host_parameters parameters_{};  // as of the current pass
  uint64_t now_ms_ = 0;           // as of the current pass
  uint64_t limits_kept_ms_ = 0;
  uint64_t size_seen_ = 0;  // the owner was told to look at it
  uint32_t batch_limit_ = kMaxBatch;

  OwnedArray<Slot> slots_;
  SlotList free_;
  SlotList deferred_;  // no pages, handles, buffers or memory to be had
  SlotList busy_;      // done, but the storage stack holds a page
  SlotList failed_;    // done without I/O
  SlotList held_;      // writes behind a barrier, and barriers
  SlotList parts_;     // with a part still to do, while the next is prepared
  SegmentBlocks blocks_;
  Bounce bounce_;
  WriteOrder::Ring write_order_;
  bool holding_ = false;     // a barrier is up: the writes that follow it are held
  uint64_t give_up_ms_ = 0;  // on deferred requests; 0: not closing

  bool short_ = false;  // requests wait for what has run out
  // They wait for handles, none could be started, and none is with the disk that
  // would give its own back; 0: that is not so.
  uint64_t no_handles_since_ms_ = 0;
  uint64_t retried_ms_ = 0;
  uint32_t retry_ms_ = 0;  // from the last try to the next, less the stagger
  const uint32_t stagger_ms_;
  uint64_t wished_ms_ = 0;
  uint64_t keep_new_from_ms_ = 0;  // others needed what this ring kept
  PagePool::Waiter waiter_;

  Mapper mapper_;
  Purger purger_;
  QueueCounters counters_;
  Counter errors_;
  uint64_t logged_ms_ = 0;
  uint64_t logged_requests_ = 0;

  // The batch that is being started or finished.
  Slot* batch_[kMaxBatch];
  GrantJob* jobs_[kMaxBatch];
  host_io* ios_[kMaxBatch];
  wire::RawDescriptors descriptors_;  // of the request being read

  bool halted_ = false;    // the frontend broke the ring
  bool consumed_ = false;  // requests were taken since the last end of interrupt
  bool answered_ = false;  // answers wait to be pushed

  // From interrupt context: an event to be ended.  Pairs with
  // end_of_interrupt().
  std::atomic<bool> event_pending_{false};
  // From the owner.  Pairs with work().
  std::atomic<bool> serving_{false};
  std::atomic<bool> closing_{false};
  // Orders nothing: the wake-up does.
  std::atomic<bool> asked_to_give_back_{false};
  // To the owner.  Pairs with drained().
  std::atomic<bool> drained_{false};
  // Done I/Os, the last one first: pushed by done() in any context, taken as
  // a whole by collect_done().
  std::atomic<Slot*> done_{nullptr};
  // I/Os with the disk; done() takes off one as its very last access.  Pairs
  // with drain_step().
  std::atomic<uint32_t> in_flight_{0};
  // When the disk got the first of them, or answered last, as of that pass.
  // Read by stalled_ms().
  std::atomic<uint64_t> progress_ms_{0};
};

}  // namespace blkback
