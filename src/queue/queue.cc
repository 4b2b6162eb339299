// SPDX-License-Identifier: GPL-2.0
// A queue's life; what it does with requests stands in take.cc, start.cc and
// finish.cc.
#include "queue/queue.h"

#include <algorithm>

#include "host/grant.h"
#include "host/log.h"
#include "host/time.h"

namespace blkback {

Result<Owned<Queue>> Queue::create(const QueueConfig& config, const Shared& shared) {
  Owned<Queue> queue = make_owned<Queue>(config, shared);
  if (!queue) return failure(-kEnoMem);
  const Result<void> ready = queue->set_up(config);
  if (!ready) return std::unexpected<Error>(ready.error());
  return queue;
}

Queue::Queue(const QueueConfig& config, const Shared& shared)
    : shared_(shared),
      device_(config.device),
      stagger_ms_(config.index % kRetryStaggers * kRetryStaggerMs),
      mapper_(host_device_domid(config.device), config.persistence, shared.pool,
              {name_, shared.log}),
      purger_(shared.pool, {name_, shared.log}) {
  (void)host_format(name_, sizeof(name_), "%s", config.name);
  shared_.statistics.enlist(counters_);
}

Result<void> Queue::set_up(const QueueConfig& config) {
  int error = host_ring_map(device_, config.ring_refs.data(),
                            static_cast<uint32_t>(config.ring_refs.size()), &ring_memory_);
  if (error != 0) {
    ring_memory_ = nullptr;
    return failure(error);
  }
  const Result<wire::Ring> ring = wire::Ring::attach(
      ring_memory_, static_cast<uint32_t>(config.ring_refs.size()) * wire::kPageBytes,
      config.layout);
  if (!ring) return std::unexpected<Error>(ring.error());
  ring_ = *ring;

  slots_ = OwnedArray<Slot>::create(ring_.size());
  if (slots_.empty()) return failure(-kEnoMem);
  for (Slot& slot : slots_.all()) {
    slot.queue = this;
    free_.push_back(slot);
  }
  Result<void> created = mapper_.create();
  if (created) created = purger_.create();
  if (created) created = blocks_.create();
  if (created && shared_.vbd.copies()) created = bounce_.create();
  if (!created) return created;

  error = host_thread_start(this, name_, &thread_);
  if (error != 0) {
    thread_ = nullptr;
    return failure(error);
  }
  purger_.set_waiter(thread_);
  write_order_.join(shared_.order, thread_, &ring_);

  error = host_event_bind(device_, config.event_channel, this, &channel_);
  if (error != 0) {
    channel_ = nullptr;
    // This domain has no event channel left; -ENOSPC is a shortage that passes.
    return failure(error == -kEnoSpc ? -kEnfile : error);
  }
  return {};
}

// Either drained, or never served: no request was taken then.
Queue::~Queue() {
  if (channel_ != nullptr) host_event_unbind(channel_);
  host_work_cancel(&purger_);
  write_order_.leave();
  shared_.pool.stop_waiting(waiter_);
  if (thread_ != nullptr) host_thread_stop(thread_);
  if (ring_memory_ != nullptr) host_ring_unmap(device_, ring_memory_);
  shared_.statistics.retire(counters_);
}

void Queue::serve() {
  serving_.store(true, std::memory_order_release);
  host_thread_wake(thread_);
}

void Queue::close() {
  closing_.store(true, std::memory_order_release);
  host_thread_wake(thread_);
}

void Queue::event() {
  event_pending_.store(true, std::memory_order_release);
  host_thread_wake(thread_);  // it is there before the channel is bound
}

void Queue::done(Slot& slot) {
  Slot* head = done_.load(std::memory_order_relaxed);
  do {
    slot.next_done = head;
  } while (!done_.compare_exchange_weak(head, &slot, std::memory_order_release,
                                        std::memory_order_relaxed));
  host_thread_wake(thread_);
  // After this the queue may be gone.
  in_flight_.fetch_sub(1, std::memory_order_release);
}

uint64_t Queue::stalled_ms(uint64_t now_ms) const {
  // In this order: the first of them brings its time with it.
  if (in_flight_.load(std::memory_order_acquire) == 0) return 0;
  const uint64_t progress_ms = progress_ms_.load(std::memory_order_relaxed);
  return now_ms > progress_ms ? now_ms - progress_ms : 0;
}

PersistentGrants::Limits Queue::limits() const {
  return {.max_grants = parameters_.max_persistent_grants,
          .unused_ms = parameters_.persistent_grant_unused_seconds * 1000,
          // Each would be given back at once for the next that waits, here or
          // in another ring.
          .keep_new = !short_ && now_ms_ >= keep_new_from_ms_};
}

uint32_t Queue::work() {
  if (!serving_.load(std::memory_order_acquire)) {
    if (!closing_.load(std::memory_order_acquire)) return HOST_FOREVER;
  }
  if (drained()) return HOST_FOREVER;

  pass();
  if (closing_.load(std::memory_order_acquire)) return drain_step();
  return next_pass_ms();
}

// A disk that grew without an event, which a busy ring can see at once.
void Queue::look_at_size() {
  const uint64_t sectors = shared_.vbd.sectors();
  const uint64_t told = shared_.vbd.told_sectors();
  if (sectors == told || told == Vbd::kNothing) {
    size_seen_ = 0;
  } else if (sectors != size_seen_) {
    size_seen_ = sectors;
    host_work_schedule(&shared_.owner, 0);
  }
}

// The bounds that parameters set, read at each pass.
void Queue::keep_limits() {
  limits_kept_ms_ = now_ms_;
  look_at_size();
  const bool squeezed = now_ms_ < shared_.squeeze_until_ms.load(std::memory_order_relaxed);
  const uint32_t keep = squeezed ? 0 : parameters_.max_buffer_pages;
  if (shared_.pool.free_pages() > keep) shared_.pool.shrink_free_pagepool(keep);
  if (squeezed || free_.size() == ring_.size()) blocks_.trim(squeezed ? 0 : SegmentBlocks::kKeep);

  PersistentGrantList purged;
  mapper_.persistent().purge_due(limits(), now_ms_, purged);
  purger_.add(purged);
  give_back_when_asked();

  if (parameters_.log_stats == 0) {
    logged_ms_ = 0;  // once it is set again: at once
  } else if (logged_ms_ == 0 || now_ms_ - logged_ms_ >= kLogIntervalMs) {
    log_statistics();
  }
}

// Wakes up for nothing but what is due: an idle queue sleeps for good.
uint32_t Queue::next_pass_ms() {
  uint64_t next = HOST_FOREVER;
  if (!busy_.empty()) next = std::min<uint64_t>(next, kHeldAnswerRetryMs);
  if (!deferred_.empty()) next = std::min<uint64_t>(next, next_retry_ms());
  if (const auto due = mapper_.persistent().due_in_ms(limits(), now_ms_)) {
    // A little later, to find more than one grant due.
    next = std::min<uint64_t>(next, *due + 1000);
  }
  return static_cast<uint32_t>(next);
}

// Brings a closing queue nearer to its end.
uint32_t Queue::drain_step() {
  if (!deferred_.empty()) {
    // Buffers that the disk uses make room when it is done.
    const bool room = bounce_.in_use() && storage_has_some();
    if (give_up_ms_ == 0 || room) give_up_ms_ = now_ms_ + kClosingPatienceMs;
    if (now_ms_ >= give_up_ms_) {
      host_log_limited(&shared_.log.failed, HOST_LOG_ERROR,
                       "%s: %u requests failed: no pages, handles or memory for their data", name_,
                       deferred_.size());
      while (Slot* slot = deferred_.pop_front()) {
        slot->status = Status::kError;
        failed_.push_back(*slot);
      }
      plan_retry(false);
      return 0;
    }
    return std::min(next_retry_ms(), static_cast<uint32_t>(give_up_ms_ - now_ms_));
  }
  if (!busy_.empty()) return kHeldAnswerRetryMs;
  if (free_.size() != ring_.size()) return HOST_FOREVER;  // done() will wake us
  // done() wakes before it takes its leave: wait for the last one to be gone.
  if (in_flight_.load(std::memory_order_acquire) != 0) return 1;

  PersistentGrantList purged;
  mapper_.persistent().purge_idle(purged);
  purger_.add(purged);
  if (!purger_.idle()) return HOST_FOREVER;  // the purger will wake us

  if (parameters_.log_stats != 0) log_statistics();
  write_order_.leave();
  drained_.store(true, std::memory_order_release);
  host_work_schedule(&shared_.owner, 0);
  return HOST_FOREVER;
}

void Queue::log_statistics() {
  logged_ms_ = now_ms_;
  const uint64_t requests = counters_.reads.get() + counters_.writes.get() +
                            counters_.flushes.get() + counters_.discards.get();
  if (requests == logged_requests_) return;
  logged_requests_ = requests;
  const auto number = [](const Counter& counter) {
    return static_cast<unsigned long long>(counter.get());
  };
  const GrantCounters& grants = mapper_.counters();
  const GrantCounters& purges = purger_.counters();
  host_log(HOST_LOG_INFO,
           "(%s): oo %llu | rd %llu | wr %llu | f %llu | ds %llu | errors %llu | pg: %u/%u | "
           "pool: %u/%u | map %llu calls %llu grants | unmap %llu calls %llu grants",
           name_, number(counters_.out_of_resources), number(counters_.reads),
           number(counters_.writes), number(counters_.flushes), number(counters_.discards),
           number(errors_), mapper_.persistent().count(), parameters_.max_persistent_grants,
           shared_.pool.free_pages(), parameters_.max_buffer_pages, number(grants.map_calls),
           number(grants.mapped), number(grants.unmap_calls) + number(purges.unmap_calls),
           number(grants.unmapped) + number(purges.unmapped));
}

}  // namespace blkback
