// SPDX-License-Identifier: GPL-2.0
#include "base/account.h"

#include "support/expectations.h"

namespace {

using blkback::Account;
using blkback::FloorUse;
using blkback::Promise;

TEST(Account, WithoutACapEverythingIsCharged) {
  Account account;
  EXPECT_FALSE(account.capped());
  EXPECT_TRUE(account.try_charge(uint64_t{1} << 50));
  EXPECT_EQ(account.used(), uint64_t{1} << 50);
  EXPECT_FALSE(account.over());
  EXPECT_FALSE(account.tight());
  account.give_back(uint64_t{1} << 50);
  EXPECT_EQ(account.used(), 0u);
}

TEST(Account, TheLastByteBelowTheCapIsHadAndNotOneMore) {
  Account account;
  account.set_cap(100);
  EXPECT_TRUE(account.try_charge(60));
  EXPECT_FALSE(account.try_charge(41));
  EXPECT_EQ(account.beyond(), 60u);
  EXPECT_EQ(account.refusals(), 1u);
  EXPECT_TRUE(account.try_charge(40));
  EXPECT_FALSE(account.try_charge(1));
  account.give_back(100);
  EXPECT_EQ(account.used(), 0u);
}

TEST(Account, WhatIsPromisedIsNotLeftForOthers) {
  Account account;
  account.set_cap(100);
  Promise floor(account);
  floor.set(70);
  EXPECT_FALSE(account.try_charge(31));
  EXPECT_TRUE(account.try_charge(30));
  floor.set(50);
  EXPECT_TRUE(account.try_charge(20));
  EXPECT_EQ(account.used(), 50u);
  account.give_back(50);
}

TEST(Account, WhatIsWithinAFloorIsUsedAndNotCharged) {
  Account account;
  account.set_cap(100);
  {
    Promise floor(account);
    FloorUse use(account);
    floor.set(100);
    use.set(30);
    use.set(20);
    EXPECT_EQ(account.used(), 20u);
    EXPECT_EQ(account.beyond(), 0u);
    EXPECT_FALSE(account.over());
  }
  EXPECT_EQ(account.used(), 0u);
  EXPECT_EQ(account.promised(), 0u);
}

TEST(Account, FloorsBeyondTheCapLeaveNoRoom) {
  Account account;
  account.set_cap(100);
  EXPECT_TRUE(account.try_charge(10));
  Promise floor(account);
  floor.set(300);
  EXPECT_FALSE(account.try_charge(1));
  EXPECT_TRUE(account.over());
  EXPECT_EQ(account.excess(), 10u);
  account.give_back(10);
  EXPECT_FALSE(account.over());
  EXPECT_TRUE(account.tight());
}

TEST(Account, ALowerCapIsSeenByTheNextCharge) {
  Account account;
  EXPECT_TRUE(account.try_charge(80));
  account.set_cap(100);
  EXPECT_FALSE(account.over());
  EXPECT_FALSE(account.tight());
  account.set_cap(90);
  EXPECT_TRUE(account.tight());
  account.set_cap(50);
  EXPECT_EQ(account.excess(), 30u);
  EXPECT_FALSE(account.try_charge(1));
  account.set_cap(Account::kNoCap);
  EXPECT_TRUE(account.try_charge(1));
  account.give_back(81);
}

// What exists already and only moves to the account cannot be refused.
TEST(Account, WhatOnlyMovesIsCharged) {
  Account account;
  account.set_cap(10);
  account.charge(30);
  EXPECT_EQ(account.excess(), 20u);
  EXPECT_EQ(account.used(), 30u);
  account.give_back(30);
}

}  // namespace
