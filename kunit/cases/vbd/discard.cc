// SPDX-License-Identifier: GPL-2.0
// How a discard is cut into parts, and whether discards are offered.
#include <algorithm>

#include "fake_host/fake_host.h"
#include "support/expectations.h"
#include "support/random.h"
#include "vbd/vbd.h"

namespace {

using blkback::Access;
using blkback::Operation;
using blkback::Owned;
using blkback::Request;
using blkback::Status;
using blkback::Vbd;
using fake::host;

Owned<Vbd> open_disk(Access access = Access::kReadWrite, bool discard = true) {
  auto vbd = Vbd::open({.major = 202, .minor = 16, .access = access, .discard = discard});
  return vbd ? std::move(*vbd) : nullptr;
}

Status status_of(const blkback::Checked<void>& checked) {
  return checked.has_value() ? Status::kOkay : checked.error().status;
}

Owned<Vbd> open_disk_with(uint64_t most, uint32_t granularity, uint32_t alignment,
                          uint32_t block = 512) {
  host().geometry.max_discard_sectors = most;
  host().geometry.max_secure_discard_sectors = most;
  host().geometry.discard_granularity_bytes = granularity;
  host().geometry.discard_alignment_bytes = alignment;
  host().geometry.logical_block_bytes = block;
  return open_disk();
}

TEST(VbdDiscard, WhatFitsIsOnePart) {
  const Owned<Vbd> vbd = open_disk_with(64, 4096, 0);
  ASSERT_TRUE(vbd != nullptr);
  for (uint64_t sectors = 1; sectors <= 64; ++sectors) {
    EXPECT_EQ(vbd->discard_part(3, sectors, false), sectors);
  }
}

TEST(VbdDiscard, WithoutAGranularityAPartIsTheMost) {
  for (const uint32_t granularity : {0u, 512u}) {
    const Owned<Vbd> vbd = open_disk_with(61, granularity, 0);
    ASSERT_TRUE(vbd != nullptr);
    EXPECT_EQ(vbd->discard_part(7, 1000, false), 61u);
  }
}

TEST(VbdDiscard, APartEndsWhereAGranuleEnds) {
  const Owned<Vbd> vbd = open_disk_with(64, 8192, 0);
  ASSERT_TRUE(vbd != nullptr);
  for (uint64_t sector = 0; sector < 100; ++sector) {
    const uint64_t part = vbd->discard_part(sector, 1000, false);
    EXPECT_EQ((sector + part) % 16, 0u);
    EXPECT_GT(part, 64u - 16u);
  }
}

TEST(VbdDiscard, AGranuleLargerThanTheMostIsCutAnyhow) {
  const Owned<Vbd> vbd = open_disk_with(16, 64 * 512, 0);
  ASSERT_TRUE(vbd != nullptr);
  for (uint64_t sector = 0; sector < 200; ++sector) {
    const uint64_t part = vbd->discard_part(sector, 1000, false);
    EXPECT_GE(part, 1u);
    EXPECT_LE(part, 16u);
  }
}

TEST(VbdDiscard, ASecureOneHasItsOwnMost) {
  host().geometry.max_discard_sectors = 64;
  host().geometry.max_secure_discard_sectors = 8;
  const Owned<Vbd> vbd = open_disk();
  ASSERT_TRUE(vbd != nullptr);
  EXPECT_EQ(vbd->discard_part(0, 1000, true), 8u);
  EXPECT_EQ(vbd->discard_part(0, 1000, false), 64u);
}

// The numbers are those of real disks: powers of two, and granules of whole blocks.
TEST(VbdDiscard, RandomDiscardsAreCutIntoPartsThatCoverThemExactly) {
  kunit::Random random;
  bool right = true;
  for (uint32_t i = 0; i < 3000; ++i) {
    const uint32_t block = 512u << (random.below(2) * 3);
    const uint64_t per_block = block / 512;
    const uint32_t granularity = random.below(3) == 0 ? 0 : block << random.below(8);
    const uint32_t alignment = granularity == 0 ? 0 : random.below(granularity / block) * block;
    const uint64_t most = (1 + random.below(4000)) * per_block;
    const Owned<Vbd> vbd = open_disk_with(most, granularity, alignment, block);
    if (!vbd) return;

    uint64_t sector = random.below(100000) * per_block;
    uint64_t left = (1 + random.below(20000)) * per_block;
    const uint64_t whole = left;
    uint64_t sum = 0;
    while (left != 0 && right) {
      const uint64_t part = vbd->discard_part(sector, left, random.below(2) == 0);
      right = part != 0 && part <= left && part <= most && part % per_block == 0;
      const bool last = part == left;
      const uint64_t granules = granularity / 512;
      if (right && !last && granules > per_block && granules <= most) {
        right = (sector + part - alignment / 512) % granules == 0;
      }
      sector += part;
      left -= part;
      sum += part;
    }
    right = right && sum == whole;
  }
  EXPECT_TRUE(right);
}

// A disk may report any numbers.  A discard may be slow then, but not stuck, and no part too large.
TEST(VbdDiscard, EvenOddNumbersYieldPartsThatAreNeverEmptyNorTooLarge) {
  kunit::Random random;
  bool right = true;
  for (uint32_t i = 0; i < 20000 && right; ++i) {
    const uint64_t most = 1 + random.below(5000);
    const Owned<Vbd> vbd =
        open_disk_with(most, random.below(1u << (1 + random.below(24))), random.below(1u << 20));
    if (!vbd) return;
    const uint64_t left = 1 + random.below(1u << 30);
    const uint64_t part = vbd->discard_part(random.below(1u << 30), left, false);
    right = part != 0 && part <= std::min(left, most);
  }
  EXPECT_TRUE(right);
}

// The granularity, the alignment or the largest discard may be no whole blocks.
TEST(VbdDiscard, EvenOddNumbersYieldPartsOfWholeBlocks) {
  kunit::Random random;
  bool right = true;
  for (uint32_t i = 0; i < 20000 && right; ++i) {
    const uint64_t per_block = uint64_t{1} << (1 + random.below(3));
    const uint64_t most = per_block + random.below(5000);
    const Owned<Vbd> vbd =
        open_disk_with(most, random.below(1u << (1 + random.below(24))), random.below(1u << 20),
                       static_cast<uint32_t>(per_block * 512));
    if (!vbd) return;
    const uint64_t left = (1 + random.below(1u << 20)) * per_block;
    const uint64_t part = vbd->discard_part(random.below(1u << 20) * per_block, left, false);
    right = part != 0 && part <= std::min(left, most) && part % per_block == 0;
  }
  EXPECT_TRUE(right);
}

// Empty parts would be submitted for ever.
TEST(VbdDiscard, ADiskThatTakesLessThanABlockAtOnceIsNotOfferedForDiscards) {
  bool right = true;
  for (uint64_t most = 1; most < 20; ++most) {
    const Owned<Vbd> vbd = open_disk_with(most, 4096, 0, 4096);
    ASSERT_TRUE(vbd != nullptr);
    right = right && vbd->offers_discard() == (most >= 8);
    if (vbd->offers_discard()) right = right && vbd->discard_part(8, 800, false) != 0;
  }
  EXPECT_TRUE(right);
}

TEST(VbdDiscard, IsOfferedOnlyWhereDiskAccessAndToolstackAllowIt) {
  {
    const Owned<Vbd> vbd = open_disk();
    EXPECT_FALSE(vbd->offers_discard());
    EXPECT_FALSE(vbd->offers_secure_discard());
  }
  host().geometry.max_discard_sectors = 64;
  {
    const Owned<Vbd> vbd = open_disk();
    EXPECT_TRUE(vbd->offers_discard());
    EXPECT_FALSE(vbd->offers_secure_discard());
  }
  host().geometry.max_secure_discard_sectors = 64;
  {
    const Owned<Vbd> vbd = open_disk();
    EXPECT_TRUE(vbd->offers_secure_discard());
  }
  {
    const Owned<Vbd> vbd = open_disk(Access::kReadOnly);
    EXPECT_FALSE(vbd->offers_discard());
    EXPECT_FALSE(vbd->offers_secure_discard());
  }
  const Owned<Vbd> vbd = open_disk(Access::kReadWrite, false);
  EXPECT_FALSE(vbd->offers_discard());
  EXPECT_FALSE(vbd->offers_secure_discard());
}

TEST(VbdDiscard, IsBoundedAsAWriteIs) {
  host().geometry.max_discard_sectors = 64;
  const Owned<Vbd> vbd = open_disk();
  Request discard{};
  discard.operation = Operation::kDiscard;
  discard.sector = 2000;
  discard.sectors = 48;
  EXPECT_TRUE(status_of(vbd->check(discard)) == Status::kOkay);
  discard.sectors = 49;
  EXPECT_TRUE(status_of(vbd->check(discard)) == Status::kError);
  discard.sectors = UINT64_MAX;
  EXPECT_TRUE(status_of(vbd->check(discard)) == Status::kError);
}

TEST(VbdDiscard, ABarrierIsAllowedWhereAFlushIs) {
  const Owned<Vbd> vbd = open_disk(Access::kReadOnly);
  Request barrier{};
  barrier.operation = Operation::kBarrier;
  barrier.sector = UINT64_MAX;
  EXPECT_TRUE(status_of(vbd->check(barrier)) == Status::kOkay);
  barrier.segment_count = 1;
  barrier.sectors = 8;
  barrier.sector = 0;
  barrier.segments[0] = {.gref = 1, .first = 0, .last = 7};
  EXPECT_TRUE(status_of(vbd->check(barrier)) == Status::kError);
}

TEST(VbdDiscard, OfAnIndirectRequestOnlyTheRightToWriteIsLookedAt) {
  const Owned<Vbd> writable = open_disk();
  const Owned<Vbd> read_only = open_disk(Access::kReadOnly);
  Request indirect{};
  indirect.operation = Operation::kWrite;
  indirect.indirect = true;
  indirect.segment_count = 256;
  indirect.sector = UINT64_MAX;
  EXPECT_TRUE(status_of(writable->check(indirect)) == Status::kOkay);
  EXPECT_TRUE(status_of(read_only->check(indirect)) == Status::kError);
  indirect.operation = Operation::kRead;
  EXPECT_TRUE(status_of(read_only->check(indirect)) == Status::kOkay);
}

}  // namespace
