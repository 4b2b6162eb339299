// SPDX-License-Identifier: GPL-2.0
#include "queue/shortage.h"

#include <algorithm>

#include "base/trace.h"
#include "host/log.h"
#include "queue/trace.h"

namespace blkback {

void Shortage::defer(SlotList& slots, uint64_t now_ms) {
  if (slots.empty()) return;
  counters_.out_of_resources.add(1);
  if (traced(HOST_TRACE_STALL)) trace_shortage(log_, *slots.front(), slots.size());
  resources_.release_to_wait(slots, deferred_, now_ms);
}

void Shortage::plan_retry(bool some_started, Completions& completions, uint64_t now_ms) {
  lose_patience(some_started, completions, now_ms);
  if (deferred_.empty()) {
    (void)resources_.take_refused();
    if (!short_) return;
    short_ = false;
    capped_ = false;
    retry_ms_ = 0;
    shared_.pool.stop_waiting(waiter_);
    return;
  }
  if (!short_) {
    short_ = true;
    shared_.pool.wait(waiter_, thread_);
  }
  retry_ms_ = some_started || retry_ms_ == 0 ? kRetryMs : std::min(2 * retry_ms_, kRetryMostMs);
  retried_ms_ = now_ms;
  relieve(now_ms);
}

bool Shortage::due(bool freed, uint64_t now_ms) {
  if (waiter_.told()) retry_ms_ = std::min(retry_ms_, kRetryGapMs);
  return freed || next_retry_ms(now_ms) == 0;
}

uint32_t Shortage::next_retry_ms(uint64_t now_ms) const {
  const uint64_t since = now_ms - retried_ms_;
  const uint64_t wait = retry_ms_ + stagger_ms_;
  return since >= wait ? 0 : static_cast<uint32_t>(wait - since);
}

// Fails requests without handles when no handle was available for kHandlesPatienceMs.  The
// time starts anew when a request was started, and while the disk or the storage stack has
// requests that will give back their own handles.
void Shortage::lose_patience(bool some_started, Completions& completions, uint64_t now_ms) {
  if (some_started || !some_lack_handles() || completions.storage_has_some()) {
    no_handles_since_ms_ = 0;
    return;
  }
  if (no_handles_since_ms_ == 0) no_handles_since_ms_ = now_ms;
  if (now_ms - no_handles_since_ms_ < kHandlesPatienceMs) return;
  no_handles_since_ms_ = 0;
  const uint32_t failed = fail_those_without_handles(completions);
  host_log_limited(&log_.limits.failed, HOST_LOG_ERROR,
                   "%s: %u requests failed: Xen has had no handle for their grants for %u seconds; "
                   "its option gnttab_max_maptrack_frames (of a driver domain: "
                   "max_maptrack_frames) allows more",
                   log_.name, failed, static_cast<uint32_t>(kHandlesPatienceMs / 1000));
}

bool Shortage::some_lack_handles() const {
  for (const Slot* slot = deferred_.front(); slot != nullptr; slot = deferred_.next(*slot)) {
    if (slot->outcome == GrantJob::Outcome::kNoHandles) return true;
  }
  return false;
}

uint32_t Shortage::fail_those_without_handles(Completions& completions) {
  uint32_t failed = 0;
  Slot* next = nullptr;
  for (Slot* slot = deferred_.front(); slot != nullptr; slot = next) {
    next = deferred_.next(*slot);
    if (slot->outcome != GrantJob::Outcome::kNoHandles) continue;
    deferred_.remove(*slot);
    completions.fail(*slot, Status::kError);
    ++failed;
  }
  return failed;
}

// How many persistent grants cost as much as the account has refused?  `pages`: those that it
// has refused to the mapper.
uint32_t Shortage::grants_for_cap(uint32_t pages) {
  const uint64_t refused =
      resources_.take_refused() + uint64_t{pages} * host_page_cost() + PersistentGrants::cost() - 1;
  return static_cast<uint32_t>(refused / PersistentGrants::cost());
}

void Shortage::relieve(uint64_t now_ms) {
  const Mapper::Shortage lacking = resources_.mapper().take_shortage();
  const uint32_t capped = grants_for_cap(lacking.capped);
  capped_ = capped != 0;
  const uint32_t wanted = lacking.pages + lacking.handles + capped;
  const bool enough = resources_.purge_oldest(wanted) == wanted;
  if (enough || now_ms - wished_ms_ < kWishIntervalMs) return;
  wished_ms_ = now_ms;
  if (lacking.handles != 0) {
    host_log_limited(&log_.limits.shortage, HOST_LOG_WARNING,
                     "%s: Xen has no handles for %u more grants; other disks are asked to give "
                     "some back",
                     log_.name, lacking.handles);
    shared_.wishes.add(Scarce::kHandles);
  }
  if (lacking.pages != 0) shared_.wishes.add(Scarce::kPages);
  if (capped_) {
    host_log_limited(&log_.limits.cap, HOST_LOG_INFO,
                     "%s: the guest is at its memory cap of %llu KiB; requests wait for others",
                     log_.name,
                     static_cast<unsigned long long>(shared_.pool.account().cap() / 1024));
    shared_.wishes.add(Scarce::kMemory);
  }
  host_work_schedule(&shared_.owner, 0);
}

uint32_t Shortage::close(Completions& completions, uint64_t now_ms) {
  // What the disk uses will be given back: waiting may still help.
  const bool room = (resources_.buffers_in_use() || capped_) && completions.storage_has_some();
  if (give_up_ms_ == 0 || room) give_up_ms_ = now_ms + kClosingPatienceMs;
  if (now_ms < give_up_ms_) {
    return std::min(next_retry_ms(now_ms), static_cast<uint32_t>(give_up_ms_ - now_ms));
  }
  host_log_limited(&log_.limits.failed, HOST_LOG_ERROR,
                   "%s: %u requests failed: no pages, handles or memory for their data", log_.name,
                   deferred_.size());
  while (Slot* slot = deferred_.pop_front()) completions.fail(*slot, Status::kError);
  plan_retry(false, completions, now_ms);
  return 0;
}

PersistentGrants::Limits Shortage::limits(const Pass& pass) const {
  return {
      .max_grants = pass.parameters.max_persistent_grants,
      .unused_ms = pass.parameters.persistent_grant_unused_seconds * 1000,
      // A new persistent grant would be purged at once for the next request that waits,
      // of this ring or of another one.
      .keep_new = !short_ && pass.now_ms >= keep_new_from_ms_,
      // Each ring then has its floor, and no busy ring takes what another one needs.
      .most_pages = shared_.pool.others_wait_at_cap(short_) ? Resources::kFloorPages : UINT32_MAX};
}

// Half is enough: a ring that is still short asks again and gets half of the rest.  A ring that
// needs its grants maps them again at little cost.
void Shortage::give_back_when_asked(uint64_t now_ms) {
  if (!asked_to_give_back_.exchange(false, std::memory_order_relaxed)) return;
  resources_.purge_half();
  keep_new_from_ms_ = now_ms + kGaveBackMs;
}

}  // namespace blkback
