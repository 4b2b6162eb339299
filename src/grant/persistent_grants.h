// SPDX-License-Identifier: GPL-2.0
// A ring's grants that stay mapped between requests.
//
// A red-black tree finds them by grant reference; those that no request uses
// stand in a list, least recently used first, from which the purge takes.
//
// INVARIANT: a grant is in the list exactly when its uses are zero; a grant
// in use is never purged.
// BEWARE: not locked: it belongs to the queue's thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/intrusive_list.h"
#include "base/rb_tree.h"
#include "base/result.h"
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
  // The parameters that bound it, as they are at the moment of a call.
  struct Limits {
    uint32_t max_grants = 0;
    uint32_t unused_ms = 0;  // 0: grants never grow too old
    bool keep_new = true;    // false: what is mapped now is not to stay
  };

  PersistentGrants() = default;

  [[nodiscard]] uint32_t count() const { return count_; }
  // How many of them no request uses.
  [[nodiscard]] uint32_t idle() const { return idle_.size(); }

  // The mapped grant, in use once more, or nothing.
  [[nodiscard]] PersistentGrant* use(uint32_t gref);

  // Keeps a grant that was just mapped; it is in use once.
  // Error: -EINVAL when the gref is there already, -EBUSY when there is no
  // room, -ENOMEM when there is no memory.  The mapping stays the caller's.
  [[nodiscard]] Result<PersistentGrant*> enter(uint32_t gref, uint32_t handle, host_page* page,
                                               const Limits& limits);

  // Ends one use.
  void put(PersistentGrant& grant, uint64_t now_ms);

  // Moves to `purged` what has to go: more than the limit allows, 5 % when
  // there was no room since the last time, and what is unused for too long;
  // the least recently used first.
  void purge_due(const Limits& limits, uint64_t now_ms, PersistentGrantList& purged);

  // Moves up to `count` grants that are not in use to `purged`, the least
  // recently used first.
  void purge_oldest(uint32_t count, PersistentGrantList& purged);

  // Moves all grants that are not in use to `purged`.
  void purge_idle(PersistentGrantList& purged);

  // Milliseconds until purge_due() will have something to do if nothing else
  // happens; nothing when never.
  [[nodiscard]] std::optional<uint64_t> due_in_ms(const Limits& limits, uint64_t now_ms) const;

  // When there is no room this part of the limit goes.
  static constexpr uint32_t kPurgePercent = 5;
  // With no room for long, the purge runs at most this often.
  static constexpr uint64_t kPurgeIntervalMs = 100;

 private:
  void take_out(PersistentGrant& grant, PersistentGrantList& purged);

  RbTree<PersistentGrant> tree_;
  PersistentGrantList idle_;
  uint32_t count_ = 0;
  bool overflowed_ = false;  // enter() found no room since the last purge
  uint64_t overflow_purge_ms_ = 0;
};

}  // namespace blkback
