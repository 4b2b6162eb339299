// SPDX-License-Identifier: GPL-2.0
#include "grant/private_pages.h"

#include <vector>

#include "fake_host/fake_host.h"
#include "support/expectations.h"

namespace {

using blkback::Account;
using blkback::PrivatePages;
using fake::host;

constexpr uint64_t kNow = 1'000'000;

// Takes so many pages and gives them back.
void use(PrivatePages& pages, uint32_t count) {
  std::vector<host_page*> taken;
  for (uint32_t i = 0; i < count; ++i) taken.push_back(pages.take());
  for (host_page* page : taken) pages.put(page);
}

TEST(PrivatePages, APageIsKeptForTheNextRequest) {
  Account account;
  {
    PrivatePages pages(account);
    host_page* page = pages.take();
    ASSERT_TRUE(page != nullptr);
    EXPECT_TRUE(pages.in_use());
    pages.put(page);
    EXPECT_FALSE(pages.in_use());
    EXPECT_EQ(pages.take(), page);
    EXPECT_TRUE(pages.in_use());
    EXPECT_EQ(pages.kept(), 0u);
    pages.put(page);
    EXPECT_EQ(account.beyond(), HOST_PAGE_BYTES);
  }
  EXPECT_EQ(account.beyond(), 0u);
  EXPECT_EQ(host().buffers_out, 0u);
}

TEST(PrivatePages, ThereAre1024InUseAnd128Kept) {
  Account account;
  PrivatePages pages(account);
  std::vector<host_page*> taken;
  for (uint32_t i = 0; i < 1024; ++i) taken.push_back(pages.take());
  EXPECT_EQ(host().buffers_out, 1024u);
  EXPECT_EQ(pages.take(), nullptr);
  for (host_page* page : taken) pages.put(page);
  EXPECT_EQ(pages.kept(), 128u);
  EXPECT_EQ(host().buffers_out, 128u);
  EXPECT_EQ(account.beyond(), 128 * HOST_PAGE_BYTES);
}

TEST(PrivatePages, AtTheCapThereIsNoneAndWithoutMemoryNothingIsCharged) {
  Account account;
  account.set_cap(2 * HOST_PAGE_BYTES);
  PrivatePages pages(account);
  host_page* first = pages.take();
  host_page* second = pages.take();
  ASSERT_TRUE(second != nullptr);
  EXPECT_EQ(pages.take(), nullptr);
  EXPECT_EQ(account.refusals(), 1u);
  account.set_cap(Account::kNoCap);
  host().buffers_left = 0;
  EXPECT_EQ(pages.take(), nullptr);
  EXPECT_EQ(account.beyond(), 2 * HOST_PAGE_BYTES);
  pages.put(first);
  pages.put(second);
}

TEST(PrivatePages, APageThatTheStorageStackHoldsIsNotUsedAgain) {
  Account account;
  PrivatePages pages(account);
  host_page* page = pages.take();
  page->busy = true;
  pages.put(page);
  EXPECT_EQ(pages.kept(), 0u);
  EXPECT_EQ(host().buffers_out, 0u);
  EXPECT_EQ(account.beyond(), 0u);
}

TEST(PrivatePages, WhatWasNotNeededForASecondIsGivenBack) {
  Account account;
  PrivatePages pages(account);
  use(pages, 3);
  pages.trim(false, 0, kNow);
  use(pages, 2);
  pages.trim(false, 0, kNow + 999);
  EXPECT_EQ(pages.kept(), 3u);
  pages.trim(false, 0, kNow + 1000);
  EXPECT_EQ(pages.kept(), 2u);
  pages.trim(false, 0, kNow + 1999);
  EXPECT_EQ(pages.kept(), 2u);
  pages.trim(false, 0, kNow + 2000);
  EXPECT_EQ(pages.kept(), 0u);
}

TEST(PrivatePages, AllGoWhenNoneWasNeededForTheTimeThatIsAsked) {
  Account account;
  PrivatePages pages(account);
  use(pages, 2);
  pages.trim(false, 500, kNow);
  pages.trim(false, 500, kNow + 499);
  EXPECT_EQ(pages.kept(), 2u);
  pages.trim(false, 500, kNow + 500);
  EXPECT_EQ(pages.kept(), 0u);
}

TEST(PrivatePages, AllGoAtOnceWhenTheHostNeedsThem) {
  Account account;
  PrivatePages pages(account);
  use(pages, 2);
  pages.trim(true, 0, kNow);
  EXPECT_EQ(pages.kept(), 0u);
  EXPECT_EQ(account.beyond(), 0u);
}

TEST(PrivatePages, TheyTellWhenTheyAreDue) {
  Account account;
  PrivatePages pages(account);
  EXPECT_FALSE(pages.due_in_ms(60'000, kNow).has_value());
  use(pages, 1);
  EXPECT_EQ(pages.due_in_ms(60'000, kNow), 60'000u);
  pages.trim(false, 60'000, kNow);
  EXPECT_EQ(pages.due_in_ms(60'000, kNow + 1), 59'999u);
  EXPECT_EQ(pages.due_in_ms(60'000, kNow + 60'000), 0u);
  EXPECT_EQ(pages.due_in_ms(60'000, kNow + 60'001), 0u);
  EXPECT_FALSE(pages.due_in_ms(0, kNow).has_value());
  use(pages, 1);
  EXPECT_EQ(pages.due_in_ms(60'000, kNow + 60'000), 60'000u);
}

}  // namespace
