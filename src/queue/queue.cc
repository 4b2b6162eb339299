// SPDX-License-Identifier: GPL-2.0
#include "queue/queue.h"

#include <algorithm>

#include "base/trace.h"
#include "host/log.h"
#include "host/time.h"
#include "queue/trace.h"

namespace blkback {

// --- Life -------------------------------------------------------------------

Result<Owned<Queue>> Queue::create(const QueueConfig& config, const Shared& shared) {
  Owned<Queue> queue = make_owned<Queue>(config, shared);
  if (!queue) return failure(-kEnoMem);
  const Result<void> ready = queue->set_up(config);
  BLKBACK_RETURN_ERROR(ready);
  return queue;
}

uint64_t Queue::cost(uint32_t ring_pages, bool copies) {
  // The three layouts have the same numbers of slots.
  const uint32_t slots = wire::Ring::slots_in(ring_pages * wire::kPageBytes, wire::Layout::kX86_64);
  return host_memory_cost(sizeof(Queue)) + Slots::cost(slots) + Resources::cost(copies) +
         host_thread_cost() + host_ring_cost(ring_pages);
}

Queue::Queue(const QueueConfig& config, const Shared& shared)
    : shared_(shared),
      log_{name_,
           shared.log,
           {.vdev = host_device_vdev(config.device),
            .domid = host_device_domid(config.device),
            .queue = static_cast<uint16_t>(config.index)}},
      memory_use_(shared.pool.account()),
      responder_(ring_, counters_.errors, log_),
      resources_(host_device_domid(config.device), config.persistence, shared.pool, clock_, log_),
      completions_(log_),
      shortage_({shared.pool, shared.wishes, shared.owner}, resources_, counters_, config.index,
                log_),
      submitter_(shared.vbd, resources_, shortage_, completions_, clock_, counters_, log_),
      intake_(ring_, shared.vbd, slots_, responder_, clock_, counters_, log_),
      upkeep_({shared.pool, shared.vbd, shared.owner, shared.squeeze_until_ms}, resources_,
              shortage_, counters_, log_) {
  (void)host_format(name_, sizeof(name_), "%s", config.name);
  shared_.statistics.enlist(counters_);
}

Result<void> Queue::set_up(const QueueConfig& config) {
  const Result<void*> memory = memory_.map(config.device, config.ring_refs);
  BLKBACK_RETURN_ERROR(memory);
  const Result<wire::Ring> ring = wire::Ring::attach(
      *memory, static_cast<uint32_t>(config.ring_refs.size()) * wire::kPageBytes, config.layout);
  BLKBACK_RETURN_ERROR(ring);
  ring_ = *ring;

  Result<void> created = slots_.create(ring_.size(), *this);
  if (created) created = resources_.create(shared_.vbd.copies());
  if (!created) return created;

  const int error = host_thread_start(this, name_, &thread_);
  if (error != 0) {
    thread_ = nullptr;
    return failure(error);
  }
  memory_use_.set(cost(static_cast<uint32_t>(config.ring_refs.size()), shared_.vbd.copies()));
  resources_.purger().set_waiter(thread_);
  shortage_.set_thread(thread_);
  gate_.join(shared_.order, thread_, ring_);
  return channel_.bind(config.device, config.event_channel, this);
}

// The queue has drained, or serve() was never called and no request was taken.
Queue::~Queue() {
  channel_.unbind();
  host_work_cancel(&resources_.purger());
  gate_.leave();
  shortage_.stop_waiting();
  if (thread_ != nullptr) host_thread_stop(thread_);
  shared_.statistics.retire(counters_);
}

void Queue::serve() {
  Order before = Order::kWait;  // after close() the queue stays closed
  (void)order_.compare_exchange_strong(before, Order::kServe, std::memory_order_release,
                                       std::memory_order_relaxed);
  host_thread_wake(thread_);
}

void Queue::close() {
  order_.store(Order::kClose, std::memory_order_release);
  host_thread_wake(thread_);
}

void Queue::event() {
  channel_.note_event();
  host_thread_wake(thread_);  // thread_ is set before the channel is bound
}

// A sleeping thread sleeps on when the request can be finished here: to wake it costs more
// than the request itself.
void Queue::done(Slot& slot) {
  if (!turn_.borrow([&] { return finish_at_once(slot); })) {
    completions_.add(slot);
    host_thread_wake(thread_);
  }
  completions_.leave();
}

// Returns false, and has done nothing, when only the thread can finish the request.
bool Queue::finish_at_once(Slot& slot) {
  if (!slot.ends_at_once() || resources_.busy(slot)) return false;
  pass_.now_ms = host_time_ms();
  clock_.took_long();  // the thread may have slept for long
  completions_.end_at_once(slot, pass_.now_ms, clock_.now_ns());
  batch_.clear();
  batch_.push_back(slot);
  answer_batch();
  if (responder_.push()) channel_.notify();
  worked_ = true;
  if (upkeep_.due(pass_)) host_thread_wake(thread_);
  return true;
}

void Queue::give_back() {
  shortage_.ask_to_give_back();
  host_thread_wake(thread_);
}

// --- The thread -------------------------------------------------------------

uint32_t Queue::work() {
  turn_.take_back();
  if (order_.load(std::memory_order_acquire) == Order::kWait) return HOST_FOREVER;
  if (drained()) return HOST_FOREVER;
  pass();
  if (closing()) return drain_step();
  const uint32_t next_ms = next_pass_ms();
  if (!may_lend()) return next_ms;
  worked_ = false;
  turn_.lend();
  return std::min(next_ms, kLentMostMs);
}

// May requests be finished while the thread sleeps?  Not while something that only the thread can
// start waits for their end.  A disk that hangs is not waited for with a timer.
bool Queue::may_lend() const {
  const uint32_t in_flight = completions_.in_flight();
  return worked_ && in_flight != 0 && in_flight <= kLentMostIos && shortage_.empty() &&
         !completions_.holds_some() && !gate_.up() && !gate_.holds_some();
}

// Makes rounds until there is nothing to do.  Upkeep runs after the last round, and between
// rounds at most once per millisecond.
void Queue::pass() {
  bool again = true;
  bool freed = false;
  while (again) {
    again = round(freed);
    if (!again || !upkeep_.done(pass_)) upkeep_.run(pass_, slots_.all_free());
    if (again) host_thread_yield();
  }
  end_of_interrupt();
}

// Makes one round.  Returns true when another round has something to do.  `freed`, in and
// out: have finished requests given back resources since requests were last started?
bool Queue::round(bool& freed) {
  host_thread_clear_wakeups(thread_);
  pass_.now_ms = host_time_ms();
  clock_.took_long();
  pass_.closing = closing();
  host_parameters_read(&pass_.parameters);
  gate_.look();

  bool progress = finish_done();
  progress |= start_held();
  progress |= start_requests(progress || freed);
  // Answer requests that the disk completed during the submission with the same push.
  freed = finish_done();
  progress |= freed;
  worked_ |= progress;
  serve_barrier();
  if (responder_.push()) channel_.notify();

  // Requests that wait in shortage_ go before new ones from the ring.
  if (shortage_.empty() && intake_.more(pass_)) return true;
  // Later completions wake the thread, except those inside submit().
  if (completions_.waiting()) return true;
  // Requests that ended in this round may let held or waiting requests start.
  return progress && (gate_.holds_some() || !shortage_.empty());
}

// Unmaps and answers finished requests, and submits the next part of a request that goes in
// parts.  Returns false when there was nothing to do.
bool Queue::finish_done() {
  if (!completions_.waiting() && !completions_.holds_some()) return false;
  SlotList done;
  SlotList parts;
  bool progress = false;
  completions_.collect(pass_, clock_.now_ns(), done);
  if (shared_.vbd.copies()) clock_.took_long();
  do {
    batch_.clear();
    completions_.sort(done, resources_, batch_, parts);
    if (batch_.empty()) continue;
    answer_batch();
    progress = true;
  } while (!done.empty());
  if (parts.empty()) return progress;
  submitter_.submit_parts(parts, pass_.now_ms);
  return true;
}

void Queue::answer_batch() {
  if (resources_.may_copy()) resources_.copy_to_guest(batch_.slots());
  // Unmap before the answer: since XSA-396 a frontend gives up the device when a grant of an
  // answered request is still mapped.
  resources_.release(batch_.slots(), pass_.now_ms);
  const uint64_t now_ns = clock_.now_ns();
  for (Slot* slot : batch_.slots()) {
    if (traced(HOST_TRACE_DONE)) trace_done(log_, *slot, now_ns);
    responder_.answer(std::move(slot->duty), slot->status);
    counters_.answered(kind_of(slot->requested), slot->times(), now_ns);
    gate_.ended(*slot);
    slots_.put(*slot);
  }
}

// Starts writes that no barrier holds any more, or a barrier whose earlier writes are all
// answered.  Returns false when there was none.
bool Queue::start_held() {
  batch_.clear();
  gate_.release(batch_);
  const bool some = !batch_.empty();
  submitter_.submit(batch_, pass_);
  return some;
}

// Starts requests from the ring.  While requests wait in shortage_, starts only those, when
// they are due.  Returns true when the ring had requests.
bool Queue::start_requests(bool freed) {
  batch_.clear();
  if (!shortage_.empty()) {
    if (shortage_.due(freed, pass_.now_ms)) shortage_.take(batch_);
    submitter_.submit(batch_, pass_);
    return false;
  }
  const uint32_t waiting = intake_.waiting(pass_);
  if (waiting == 0) return false;
  gate_.look();  // the requests counted above precede any barrier raised from here on
  intake_.take(waiting, gate_, batch_);
  submitter_.submit(batch_, pass_);
  intake_.set_pace(completions_.disk_has_done());
  return true;
}

// When a barrier of any ring is up: acknowledges the barrier once all earlier writes of this
// ring have begun, and wakes the ring that raised it.
void Queue::serve_barrier() {
  if (!gate_.up()) return;
  // Check in this order: nothing_waits() reads the shared ring and comes last.
  if (intake_.stopped(pass_) || gate_.all_before_begun(ring_.next_index()) ||
      (!gate_.holds_some() && intake_.nothing_waits())) {
    gate_.acknowledge();
  }
  gate_.tell_raiser();
}

void Queue::end_of_interrupt() {
  if (intake_.halted() || !channel_.take_event()) return;
  channel_.end_of_interrupt(intake_.take_consumed());
}

// The milliseconds until the next pass.  An idle queue sleeps until it is woken, or until a
// held answer, a retry after a shortage, or the purge of persistent grants is due.
uint32_t Queue::next_pass_ms() {
  uint64_t next = HOST_FOREVER;
  if (completions_.holds_some()) next = kHeldAnswerRetryMs;
  if (!shortage_.empty()) next = std::min<uint64_t>(next, shortage_.next_retry_ms(pass_.now_ms));
  if (const auto due = resources_.unused_due_in_ms(shortage_.limits(pass_), pass_.now_ms)) {
    // One second later, so that more than one grant is due, and that no wake-up that is early by
    // HOST_EARLY_MS comes in vain.
    static_assert(HOST_EARLY_MS < 1000);
    next = std::min<uint64_t>(next, *due + 1000);
  }
  return static_cast<uint32_t>(next);
}

// Takes the next step to drain a closing queue.  Returns the milliseconds until the next
// pass, or HOST_FOREVER.
uint32_t Queue::drain_step() {
  if (!shortage_.empty()) return shortage_.close(completions_, pass_.now_ms);
  if (completions_.holds_some()) return kHeldAnswerRetryMs;
  if (!slots_.all_free()) return HOST_FOREVER;  // done() will wake us
  // done() wakes us before its last access, leave(): wait until every done() has left.
  if (!completions_.all_left()) return 1;

  resources_.purge_idle();
  if (!resources_.purger().idle()) return HOST_FOREVER;  // the purger will wake us

  if (pass_.parameters.log_stats != 0) upkeep_.log_statistics(pass_);
  gate_.leave();
  drained_.store(true, std::memory_order_release);
  host_work_schedule(&shared_.owner, 0);
  return HOST_FOREVER;
}

}  // namespace blkback
