// SPDX-License-Identifier: GPL-2.0
#include "grant/persistent_grants.h"

#include <algorithm>

#include "base/owned.h"

namespace blkback {

PersistentGrant* PersistentGrants::use(uint32_t gref) {
  PersistentGrant* grant = tree_.find(gref);
  if (grant == nullptr) return nullptr;
  if (grant->uses++ == 0) idle_.remove(*grant);
  return grant;
}

Result<PersistentGrant*> PersistentGrants::enter(uint32_t gref, uint32_t handle, host_page* page,
                                                 const Limits& limits) {
  if (tree_.find(gref) != nullptr) return failure(-kEinval);
  if (count() >= limits.max_grants) {
    overflowed_ = true;
    at_cap_ = false;
    return failure(-kEbusy);
  }
  // Ask once, not once for each grant: the account is shared by all CPUs.
  if (refused_ || !account_.try_charge(cost())) {
    refused_ = true;
    overflowed_ = true;
    at_cap_ = true;
    return failure(-kEdquot);
  }
  Owned<PersistentGrant> grant = try_make_owned<PersistentGrant>();
  if (!grant) {
    account_.give_back(cost());
    return failure(-kEnoMem);
  }
  grant->key = gref;
  grant->handle = handle;
  grant->page = page;
  grant->uses = 1;
  (void)tree_.insert(*grant);  // find() has found none of this gref
  count_.set(count() + 1);
  return grant.release();
}

void PersistentGrants::put(PersistentGrant& grant, uint64_t now_ms) {
  if (--grant.uses != 0) return;
  grant.idle_since_ms = now_ms;
  idle_.push_back(grant);
}

void PersistentGrants::take_out(PersistentGrant& grant, PersistentGrantList& purged) {
  idle_.remove(grant);
  tree_.remove(grant);
  count_.set(count() - 1);
  purged.push_back(grant);
}

void PersistentGrants::purge_due(const Limits& limits, uint64_t now_ms,
                                 PersistentGrantList& purged) {
  refused_ = false;
  uint32_t excess = count() > limits.max_grants ? count() - limits.max_grants : 0;
  if (overflowed_ && now_ms - overflow_purge_ms_ >= kPurgeIntervalMs) {
    // The product fits in 32 bits: max_grants is at most 2^20.
    const uint32_t most = at_cap_ ? std::min(limits.max_grants, count()) : limits.max_grants;
    excess += std::max(most * kPurgePercent / 100, uint32_t{1});
    overflowed_ = false;
    overflow_purge_ms_ = now_ms;
  }
  purge_oldest(excess, purged);
  if (limits.unused_ms == 0) return;
  for (PersistentGrant* oldest = idle_.front();
       oldest != nullptr && now_ms - oldest->idle_since_ms >= limits.unused_ms;
       oldest = idle_.front()) {
    take_out(*oldest, purged);
  }
}

void PersistentGrants::purge_oldest(uint32_t count, PersistentGrantList& purged) {
  while (count-- != 0) {
    PersistentGrant* oldest = idle_.front();
    if (oldest == nullptr) return;
    take_out(*oldest, purged);
  }
}

void PersistentGrants::purge_idle(PersistentGrantList& purged) { purge_oldest(idle(), purged); }

std::optional<uint64_t> PersistentGrants::due_in_ms(const Limits& limits, uint64_t now_ms) const {
  const PersistentGrant* oldest = idle_.front();
  if (oldest == nullptr || limits.unused_ms == 0) return std::nullopt;
  const uint64_t idle_ms = now_ms - oldest->idle_since_ms;
  return idle_ms >= limits.unused_ms ? 0 : limits.unused_ms - idle_ms;
}

}  // namespace blkback
