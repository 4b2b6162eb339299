// SPDX-License-Identifier: GPL-2.0
// How a queue goes on when what all guests share has run out: pages, handles
// for mappings, memory.
//
// Its requests give back what they have and wait.  The ring gives back idle
// persistent grants, as many as are missing, and asks the device's work for those
// of others only when it has not enough.  It tries again when something was
// unmapped, and after times that grow.
#include <algorithm>

#include "host/log.h"
#include "queue/queue.h"

namespace blkback {

// Lets requests wait that could not be started.
void Queue::defer(SlotList& slots) {
  if (slots.empty()) return;
  counters_.out_of_resources.add(1);
  uint32_t jobs = 0;
  while (Slot* slot = slots.pop_front()) {
    // The descriptors are read: their page is not kept meanwhile, nor is a buffer.
    if (slot->bounce != nullptr) {
      bounce_.put(*slot->bounce);
      slot->bounce = nullptr;
    }
    if (slot->indirect && slot->stage == Slot::Stage::kData) {
      slot->uses = slot->all_grants().first(1);
      jobs_[jobs++] = slot;
    }
    deferred_.push_back(*slot);
  }
  if (jobs != 0) mapper_.release(std::span<GrantJob* const>(jobs_, jobs), now_ms_);
}

// Requests fail when for long no handle was to be had for any of them.  What came
// in between, or is with the disk or the storage stack and gives its own back, is a
// reason to wait on.
void Queue::lose_patience(bool some_started) {
  bool without_handles = false;
  for (const Slot* slot = deferred_.front(); slot != nullptr; slot = deferred_.next(*slot)) {
    without_handles |= slot->outcome == GrantJob::Outcome::kNoHandles;
  }
  if (!without_handles || some_started || storage_has_some()) {
    no_handles_since_ms_ = 0;
    return;
  }
  if (no_handles_since_ms_ == 0) no_handles_since_ms_ = now_ms_;
  if (now_ms_ - no_handles_since_ms_ < kHandlesPatienceMs) return;
  no_handles_since_ms_ = 0;
  uint32_t given_up = 0;
  Slot* next = nullptr;
  for (Slot* slot = deferred_.front(); slot != nullptr; slot = next) {
    next = deferred_.next(*slot);
    if (slot->outcome != GrantJob::Outcome::kNoHandles) continue;
    deferred_.remove(*slot);
    slot->status = Status::kError;
    failed_.push_back(*slot);
    ++given_up;
  }
  host_log_limited(&shared_.log.failed, HOST_LOG_ERROR,
                   "%s: %u requests failed: Xen has had no handle for their grants for %u seconds; "
                   "its option gnttab_max_maptrack_frames (of a driver domain: "
                   "max_maptrack_frames) allows more",
                   name_, given_up, static_cast<uint32_t>(kHandlesPatienceMs / 1000));
}

// After a batch: when do those that wait try again?
void Queue::plan_retry(bool some_started) {
  lose_patience(some_started);
  if (deferred_.empty()) {
    if (!short_) return;
    short_ = false;
    retry_ms_ = 0;
    shared_.pool.stop_waiting(waiter_);
    return;
  }
  if (!short_) {
    short_ = true;
    shared_.pool.wait(waiter_, thread_);
  }
  retry_ms_ = some_started || retry_ms_ == 0 ? kRetryMs : std::min(2 * retry_ms_, kRetryMostMs);
  retried_ms_ = now_ms_;
  relieve_shortage();
}

void Queue::relieve_shortage() {
  const Mapper::Shortage lacking = mapper_.take_shortage();
  PersistentGrantList purged;
  mapper_.persistent().purge_oldest(lacking.pages + lacking.handles, purged);
  const bool enough = purged.size() == lacking.pages + lacking.handles;
  purger_.add(purged);
  if (enough || now_ms_ - wished_ms_ < kWishIntervalMs) return;
  wished_ms_ = now_ms_;
  if (lacking.handles != 0) {
    host_log_limited(&shared_.log.shortage, HOST_LOG_WARNING,
                     "%s: Xen has no handles for %u more grants; other disks are asked to give "
                     "some back",
                     name_, lacking.handles);
    shared_.wishes.add(Scarce::kHandles);
  }
  if (lacking.pages != 0) shared_.wishes.add(Scarce::kPages);
  host_work_schedule(&shared_.owner, 0);
}

// Gives back half of the idle persistent grants: a ring that needs them maps
// them again at no great cost, and who asks again gets half of the rest.
void Queue::give_back_when_asked() {
  if (!asked_to_give_back_.exchange(false, std::memory_order_relaxed)) return;
  PersistentGrantList purged;
  mapper_.persistent().purge_oldest((mapper_.persistent().idle() + 1) / 2, purged);
  purger_.add(purged);
  keep_new_from_ms_ = now_ms_ + kGaveBackMs;
}

// Requests that wait are tried again in their order, when their time has come or
// something of ours has come free.
void Queue::retry_deferred(bool progress) {
  if (waiter_.told()) retry_ms_ = std::min(retry_ms_, kRetryGapMs);
  if (!progress && now_ms_ - retried_ms_ < retry_ms_ + stagger_ms_) return;
  uint32_t count = 0;
  while (count < kMaxBatch) {
    Slot* slot = deferred_.pop_front();
    if (slot == nullptr) break;
    batch_[count++] = slot;
  }
  submit_batch(count);
}

uint32_t Queue::next_retry_ms() const {
  const uint64_t since = now_ms_ - retried_ms_;
  const uint64_t wait = retry_ms_ + stagger_ms_;
  return since >= wait ? 0 : static_cast<uint32_t>(wait - since);
}

}  // namespace blkback
