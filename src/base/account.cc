// SPDX-License-Identifier: GPL-2.0
#include "base/account.h"

namespace blkback {

bool Account::try_charge(uint64_t bytes) {
  const uint64_t most = capped() ? room() : UINT64_MAX;
  uint64_t now = beyond_.load(std::memory_order_relaxed);
  do {
    if (now > most || bytes > most - now) {
      refusals_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
  } while (!beyond_.compare_exchange_weak(now, now + bytes, std::memory_order_relaxed));
  use(bytes);
  return true;
}

void Account::charge(uint64_t bytes) {
  beyond_.fetch_add(bytes, std::memory_order_relaxed);
  use(bytes);
}

void Account::give_back(uint64_t bytes) {
  beyond_.fetch_sub(bytes, std::memory_order_relaxed);
  unuse(bytes);
}

}  // namespace blkback
