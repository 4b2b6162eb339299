// SPDX-License-Identifier: GPL-2.0
#include "fuzz/grants_model.h"

#include <algorithm>

namespace fuzz {

bool GrantsModel::use(uint32_t gref) {
  const auto grant = grants_.find(gref);
  if (grant == grants_.end()) return false;
  ++grant->second.uses;
  idle_.remove(gref);
  return true;
}

bool GrantsModel::enter(uint32_t gref, const Limits& limits) {
  if (grants_.contains(gref)) return false;
  if (grants_.size() >= limits.max_grants) {
    overflowed_ = true;
    return false;
  }
  grants_[gref] = {1, 0};
  return true;
}

void GrantsModel::put(uint32_t gref, uint64_t now_ms) {
  Grant& grant = grants_.at(gref);
  if (--grant.uses != 0) return;
  grant.idle_since_ms = now_ms;
  idle_.push_back(gref);
}

void GrantsModel::purge_first(std::vector<uint32_t>& gone) {
  gone.push_back(idle_.front());
  grants_.erase(idle_.front());
  idle_.pop_front();
}

std::vector<uint32_t> GrantsModel::purge_due(const Limits& limits, uint64_t now_ms) {
  std::vector<uint32_t> gone;
  size_t excess = count() > limits.max_grants ? count() - limits.max_grants : 0;
  // After an overflow a twentieth of the limit is purged, at least one grant, at most ten
  // times a second.
  if (overflowed_ && now_ms >= overflow_purge_ms_ + 100) {
    excess += std::max(limits.max_grants / 20, 1u);
    overflowed_ = false;
    overflow_purge_ms_ = now_ms;
  }
  while (excess-- != 0 && !idle_.empty()) purge_first(gone);
  while (limits.unused_ms != 0 && !idle_.empty() &&
         now_ms >= grants_.at(idle_.front()).idle_since_ms + limits.unused_ms) {
    purge_first(gone);
  }
  return gone;
}

std::vector<uint32_t> GrantsModel::purge_idle() {
  std::vector<uint32_t> gone;
  while (!idle_.empty()) purge_first(gone);
  return gone;
}

std::optional<uint64_t> GrantsModel::due_in_ms(const Limits& limits, uint64_t now_ms) const {
  if (idle_.empty() || limits.unused_ms == 0) return std::nullopt;
  const uint64_t due = grants_.at(idle_.front()).idle_since_ms + limits.unused_ms;
  return due > now_ms ? due - now_ms : 0;
}

}  // namespace fuzz
