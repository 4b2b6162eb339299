// SPDX-License-Identifier: GPL-2.0
// The simplest model of a ring's persistent grants.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <vector>

namespace fuzz {

class GrantsModel {
 public:
  struct Limits {
    uint32_t max_grants;
    uint32_t unused_ms;
  };

  [[nodiscard]] uint32_t count() const { return static_cast<uint32_t>(grants_.size()); }
  [[nodiscard]] bool use(uint32_t gref);
  // False: the grant is known already, or the limit is reached.
  [[nodiscard]] bool enter(uint32_t gref, const Limits& limits);
  void put(uint32_t gref, uint64_t now_ms);
  // The grefs that are purged, in this order.
  [[nodiscard]] std::vector<uint32_t> purge_due(const Limits& limits, uint64_t now_ms);
  [[nodiscard]] std::vector<uint32_t> purge_idle();
  [[nodiscard]] std::optional<uint64_t> due_in_ms(const Limits& limits, uint64_t now_ms) const;

 private:
  struct Grant {
    uint32_t uses;
    uint64_t idle_since_ms;
  };

  void purge_first(std::vector<uint32_t>& gone);

  std::map<uint32_t, Grant> grants_;
  std::list<uint32_t> idle_;  // the least recently used first
  bool overflowed_ = false;
  uint64_t overflow_purge_ms_ = 0;
};

}  // namespace fuzz
