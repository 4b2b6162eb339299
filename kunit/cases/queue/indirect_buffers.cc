// SPDX-License-Identifier: GPL-2.0
#include "queue/indirect_buffers.h"

#include <vector>

#include "fake_host/fake_host.h"
#include "support/expectations.h"

namespace {

using blkback::Account;
using blkback::GrantUse;
using blkback::IndirectBuffer;
using blkback::IndirectBuffers;
using fake::host;

TEST(IndirectBuffers, ThereIsNoReserveWithoutMemory) {
  Account account;
  IndirectBuffers blocks(account);
  host().failing.insert("host_alloc");
  const auto created = blocks.create();
  ASSERT_FALSE(created.has_value());
  EXPECT_EQ(created.error().number, -12);
}

TEST(IndirectBuffers, AFreshOneHoldsTheReserveAlone) {
  {
    Account account;
    IndirectBuffers blocks(account);
    ASSERT_TRUE(blocks.create().has_value());
    EXPECT_EQ(host().memory.size(), 1u);
  }
  EXPECT_TRUE(host().memory.empty());
}

TEST(IndirectBuffers, ABlockIsAsLargeAsTheRequestNeeds) {
  Account account;
  IndirectBuffers blocks(account);
  ASSERT_TRUE(blocks.create().has_value());
  for (const uint32_t segments : {1u, 11u, 12u, 32u, 33u, 255u, 256u}) {
    IndirectBuffer* block = blocks.take(segments);
    ASSERT_TRUE(block != nullptr);
    EXPECT_EQ(block->capacity, segments <= 32 ? 32u : 256u);
    EXPECT_EQ(block->segments().size(), block->capacity);
    EXPECT_EQ(block->grants().size(), block->capacity + 1);
    blocks.put(*block);
  }
}

TEST(IndirectBuffers, GrantsAndSegmentsDoNotOverlap) {
  Account account;
  IndirectBuffers blocks(account);
  ASSERT_TRUE(blocks.create().has_value());
  IndirectBuffer* block = blocks.take(256);
  ASSERT_TRUE(block != nullptr);
  for (uint32_t i = 0; i <= 256; ++i) block->grants()[i].gref = i;
  for (uint32_t i = 0; i < 256; ++i) {
    block->segments()[i] = {.page = nullptr, .bytes = 0xffffffffu, .offset = 0xffffffffu};
  }
  for (uint32_t i = 0; i <= 256; ++i) {
    EXPECT_EQ(block->grants()[i].gref, i);
    EXPECT_TRUE(block->grants()[i].state == GrantUse::State::kUnmapped);
  }
  EXPECT_EQ(block->capacity, 256u);
  blocks.put(*block);
}

TEST(IndirectBuffers, ABlockIsKeptForTheNextRequest) {
  Account account;
  IndirectBuffers blocks(account);
  ASSERT_TRUE(blocks.create().has_value());
  for (const uint32_t segments : {20u, 200u}) {
    IndirectBuffer* block = blocks.take(segments);
    ASSERT_TRUE(block != nullptr);
    blocks.put(*block);
    const uint32_t calls = host().fallible_calls;
    IndirectBuffer* again = blocks.take(segments);
    EXPECT_TRUE(again == block);
    EXPECT_EQ(host().fallible_calls, calls);
    blocks.put(*again);
  }
}

TEST(IndirectBuffers, TheReserveIsTakenOnlyWithoutMemory) {
  Account account;
  IndirectBuffers blocks(account);
  ASSERT_TRUE(blocks.create().has_value());
  IndirectBuffer* first = blocks.take(256);
  host().failing.insert("host_alloc");
  IndirectBuffer* reserve = blocks.take(256);
  ASSERT_TRUE(first != nullptr && reserve != nullptr);
  EXPECT_TRUE(first != reserve);
  EXPECT_EQ(reserve->capacity, 256u);
  EXPECT_TRUE(blocks.take(256) == nullptr);
  EXPECT_TRUE(blocks.take(1) == nullptr);
  blocks.put(*reserve);
  EXPECT_TRUE(blocks.take(1) == reserve);
  blocks.put(*reserve);
  blocks.put(*first);
}

TEST(IndirectBuffers, WithoutMemoryASmallRequestTakesALargeBlockBeforeTheReserve) {
  Account account;
  IndirectBuffers blocks(account);
  ASSERT_TRUE(blocks.create().has_value());
  IndirectBuffer* large = blocks.take(100);
  ASSERT_TRUE(large != nullptr);
  blocks.put(*large);
  host().failing.insert("host_alloc");
  IndirectBuffer* small = blocks.take(5);
  EXPECT_TRUE(small == large);
  IndirectBuffer* reserve = blocks.take(5);
  EXPECT_TRUE(reserve != nullptr && reserve != large);
  blocks.put(*small);
  blocks.put(*reserve);
}

TEST(IndirectBuffers, WithoutMemoryALargeRequestNeverTakesASmallBlock) {
  Account account;
  IndirectBuffers blocks(account);
  ASSERT_TRUE(blocks.create().has_value());
  IndirectBuffer* small = blocks.take(32);
  ASSERT_TRUE(small != nullptr);
  blocks.put(*small);
  host().failing.insert("host_alloc");
  IndirectBuffer* large = blocks.take(33);
  ASSERT_TRUE(large != nullptr);
  EXPECT_EQ(large->capacity, 256u);
  EXPECT_TRUE(blocks.take(33) == nullptr);
  blocks.put(*large);
}

TEST(IndirectBuffers, TheReserveReturnsToItsPlaceAndNotAmongTheOthers) {
  Account account;
  IndirectBuffers blocks(account);
  ASSERT_TRUE(blocks.create().has_value());
  host().failing.insert("host_alloc");
  IndirectBuffer* reserve = blocks.take(1);
  ASSERT_TRUE(reserve != nullptr);
  blocks.put(*reserve);
  host().failing.clear();
  IndirectBuffer* large = blocks.take(256);
  EXPECT_TRUE(large != reserve);
  blocks.put(*large);
  blocks.trim(0);
  host().failing.insert("host_alloc");
  EXPECT_TRUE(blocks.take(256) == reserve);
  blocks.put(*reserve);
}

TEST(IndirectBuffers, TrimmingKeepsSoManyOfEachSizeAndTheReserve) {
  Account account;
  IndirectBuffers blocks(account);
  ASSERT_TRUE(blocks.create().has_value());
  std::vector<IndirectBuffer*> taken;
  for (uint32_t i = 0; i < 10; ++i) taken.push_back(blocks.take(i % 2 == 0 ? 10 : 100));
  for (IndirectBuffer* block : taken) {
    ASSERT_TRUE(block != nullptr);
    blocks.put(*block);
  }
  EXPECT_EQ(host().memory.size(), 11u);
  blocks.trim(7);
  EXPECT_EQ(host().memory.size(), 11u);
  blocks.trim(IndirectBuffers::kKeep);
  EXPECT_EQ(host().memory.size(), 2 * IndirectBuffers::kKeep + 1);
  blocks.trim(0);
  EXPECT_EQ(host().memory.size(), 1u);
}

TEST(IndirectBuffers, AtTheCapTheReserveServes) {
  Account account;
  IndirectBuffers blocks(account);
  ASSERT_TRUE(blocks.create().has_value());
  account.set_cap(IndirectBuffers::cost());
  IndirectBuffer* first = blocks.take(256);
  IndirectBuffer* reserve = blocks.take(256);
  ASSERT_TRUE(first != nullptr && reserve != nullptr);
  EXPECT_EQ(account.beyond(), IndirectBuffers::cost());
  EXPECT_TRUE(blocks.take(1) == nullptr);
  EXPECT_GT(blocks.take_refused(), IndirectBuffers::cost());
  EXPECT_EQ(blocks.take_refused(), 0u);
  blocks.put(*reserve);
  blocks.put(*first);
  blocks.trim(0);
  EXPECT_EQ(account.used(), 0u);
}

TEST(IndirectBuffers, AtTheCapUnusedSmallBlocksGiveWayToALargeOne) {
  Account account;
  IndirectBuffers blocks(account);
  ASSERT_TRUE(blocks.create().has_value());
  std::vector<IndirectBuffer*> taken;
  for (uint32_t i = 0; i < 8; ++i) taken.push_back(blocks.take(10));
  for (IndirectBuffer* block : taken) blocks.put(*block);
  account.set_cap(account.used());
  IndirectBuffer* large = blocks.take(256);
  IndirectBuffer* reserve = blocks.take(256);
  ASSERT_TRUE(large != nullptr && reserve != nullptr);
  EXPECT_EQ(host().memory.size(), 2u);
  blocks.put(*large);
  blocks.put(*reserve);
}

TEST(IndirectBuffers, BelowTheCapUnusedSmallBlocksStay) {
  Account account;
  IndirectBuffers blocks(account);
  ASSERT_TRUE(blocks.create().has_value());
  IndirectBuffer* small = blocks.take(10);
  ASSERT_TRUE(small != nullptr);
  blocks.put(*small);
  const uint64_t before = account.used();
  IndirectBuffer* large = blocks.take(256);
  ASSERT_TRUE(large != nullptr);
  EXPECT_EQ(account.used(), before + IndirectBuffers::cost());
  EXPECT_EQ(host().memory.size(), 3u);
  blocks.put(*large);
}

TEST(IndirectBuffers, TrimmingDoesNotTouchWhatIsInUse) {
  Account account;
  IndirectBuffers blocks(account);
  ASSERT_TRUE(blocks.create().has_value());
  IndirectBuffer* block = blocks.take(100);
  ASSERT_TRUE(block != nullptr);
  blocks.trim(0);
  block->grants()[256].gref = 5;
  blocks.put(*block);
}

}  // namespace
