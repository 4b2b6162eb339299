// SPDX-License-Identifier: GPL-2.0
// A pool of pages with an account of its own.
#pragma once

#include "base/account.h"
#include "grant/page_pool.h"

namespace kunit {

struct OwnAccount {
  blkback::Account account_of_its_own;
};

struct TestPool : OwnAccount, blkback::PagePool {
  explicit TestPool(uint32_t floor = 0) : PagePool(account_of_its_own, floor) {}
};

}  // namespace kunit
