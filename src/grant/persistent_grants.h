// SPDX-License-Identifier: GPL-2.0
// A ring's grants that stay mapped between requests.
//
// A red-black tree finds them by grant reference.  The grants that no request uses are in
// a list, the least recently used first.  Only grants of the list are purged.
//
// A persistent grant and its page are charged to the guest's account; who destroys the grant
// gives cost() back.  At the guest's cap no grant becomes persistent.
//
// INVARIANT: a grant is in the list exactly when its uses are zero.
// BEWARE: not locked: it belongs to who has the queue's turn (queue/turn.h).
#pragma once

#include <cstdint>
#include <optional>

#include "base/account.h"
#include "base/gauge.h"
#include "base/intrusive_list.h"
#include "base/rb_tree.h"
#include "base/result.h"
#include "host/memory.h"
#include "host/page.h"

namespace blkback {

struct PersistentGrant : RbNode, ListLink {
  host_page* page = nullptr;
  uint32_t handle = 0;
  uint32_t uses = 0;
  uint64_t idle_since_ms = 0;

  [[nodiscard]] uint32_t gref() const { return key; }
};

using PersistentGrantList = IntrusiveList<PersistentGrant>;

class PersistentGrants {
 public:
  // The limits at the time of a call, from the module parameters.
  struct Limits {
    uint32_t max_grants = 0;
    uint32_t unused_ms = 0;  // 0: grants may stay idle for ever
    bool keep_new = true;    // false: new mappings do not become persistent
    // The most pages that the ring may have for mappings that are not persistent.
    uint32_t most_pages = UINT32_MAX;
  };

  explicit PersistentGrants(Account& account) : account_(account) {}

  // What the account is charged for a persistent grant, in bytes.
  [[nodiscard]] static uint64_t cost() {
    return host_memory_cost(sizeof(PersistentGrant)) + host_page_cost();
  }

  // Context: any.
  [[nodiscard]] uint32_t count() const { return count_.get(); }
  // The number of grants that no request uses.
  [[nodiscard]] uint32_t idle() const { return idle_.size(); }

  // Returns the persistent grant of `gref` and adds a use; nullptr when there is none.
  [[nodiscard]] PersistentGrant* use(uint32_t gref);

  // Makes a grant that was just mapped persistent, with one use.
  // Error: -EINVAL when `gref` is persistent already, -EBUSY when max_grants is reached,
  // -ENOMEM when there is no memory, -EDQUOT when the guest is at its cap.  The caller then
  // still owns the mapping.
  [[nodiscard]] Result<PersistentGrant*> enter(uint32_t gref, uint32_t handle, host_page* page,
                                               const Limits& limits);

  // Ends one use.
  void put(PersistentGrant& grant, uint64_t now_ms);

  // Moves grants that are not in use to `purged`, the least recently used first: those
  // above max_grants; 5 % of max_grants, or at the cap of those that there are, at least one, if
  // enter() found no room since the last such purge; and those idle for unused_ms.
  void purge_due(const Limits& limits, uint64_t now_ms, PersistentGrantList& purged);

  // Moves up to `count` grants that are not in use to `purged`, the least
  // recently used first.
  void purge_oldest(uint32_t count, PersistentGrantList& purged);

  // Moves all grants that are not in use to `purged`.
  void purge_idle(PersistentGrantList& purged);

  // Milliseconds until the first grant has been idle for unused_ms, so that purge_due()
  // has work; nothing when no grant is idle or unused_ms is 0.
  [[nodiscard]] std::optional<uint64_t> due_in_ms(const Limits& limits, uint64_t now_ms) const;

  // The part of the grants, in percent, that is purged after enter() found no room.
  static constexpr uint32_t kPurgePercent = 5;
  // The shortest time between two such purges.
  static constexpr uint64_t kPurgeIntervalMs = 100;

 private:
  void take_out(PersistentGrant& grant, PersistentGrantList& purged);

  Account& account_;
  RbTree<PersistentGrant> tree_;
  PersistentGrantList idle_;
  Gauge<uint32_t> count_;
  bool overflowed_ = false;  // enter() found no room since that purge
  bool at_cap_ = false;      // because of the account, and not of max_grants
  bool refused_ = false;     // the account has refused a grant since the last purge_due()
  uint64_t overflow_purge_ms_ = 0;
};

}  // namespace blkback
