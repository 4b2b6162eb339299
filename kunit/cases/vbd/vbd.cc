// SPDX-License-Identifier: GPL-2.0
#include "vbd/vbd.h"

#include "fake_host/fake_host.h"
#include "support/expectations.h"

namespace {

using blkback::Access;
using blkback::Operation;
using blkback::Owned;
using blkback::Request;
using blkback::Status;
using blkback::Vbd;
using fake::host;

// The host's disk has 2048 sectors; see fake_host.h.
Owned<Vbd> open_disk(Access access = Access::kReadWrite, bool cdrom = false) {
  auto vbd = Vbd::open({.major = 202, .minor = 16, .access = access, .cdrom = cdrom});
  return vbd ? std::move(*vbd) : nullptr;
}

// A request of one segment: the sectors `first` to `last` of a page.
Request request(Operation operation, uint64_t sector, uint8_t first, uint8_t last) {
  Request made{};
  made.operation = operation;
  made.sector = sector;
  made.segment_count = 1;
  made.segments[0] = {.gref = 1, .first = first, .last = last};
  made.sectors = made.segments[0].sectors();
  return made;
}

bool allows(const Vbd& vbd, const Request& request) { return vbd.check(request).has_value(); }

TEST(Vbd, OpensTheDiskAndClosesItInTheEnd) {
  {
    const Owned<Vbd> vbd = open_disk();
    ASSERT_TRUE(vbd != nullptr);
    EXPECT_EQ(host().disks_open, 1u);
    EXPECT_EQ(vbd->disk()->major, 202u);
    EXPECT_EQ(vbd->disk()->minor, 16u);
    EXPECT_FALSE(vbd->disk()->read_only);
  }
  EXPECT_EQ(host().disks_open, 0u);
}

TEST(Vbd, OpensAReadOnlyDiskForReadingOnly) {
  const Owned<Vbd> vbd = open_disk(Access::kReadOnly);
  ASSERT_TRUE(vbd != nullptr);
  EXPECT_TRUE(vbd->disk()->read_only);
}

TEST(Vbd, PassesOnWhyTheDiskCouldNotBeOpened) {
  host().open_error = -123;  // -ENOMEDIUM
  const auto vbd = Vbd::open({.major = 1, .minor = 2});
  ASSERT_FALSE(vbd.has_value());
  EXPECT_EQ(vbd.error().number, -123);
}

TEST(Vbd, ClosesTheDiskWhenThereIsNoMemory) {
  host().failing.insert("host_alloc");
  const auto vbd = Vbd::open({.major = 1, .minor = 2});
  ASSERT_FALSE(vbd.has_value());
  EXPECT_EQ(vbd.error().number, -12);
  EXPECT_EQ(host().disks_open, 0u);
}

TEST(Vbd, AllowsTheLastSectorsAndNotOneMore) {
  const Owned<Vbd> vbd = open_disk();
  EXPECT_TRUE(allows(*vbd, request(Operation::kRead, 2040, 0, 7)));
  EXPECT_FALSE(allows(*vbd, request(Operation::kRead, 2041, 0, 7)));
  EXPECT_TRUE(allows(*vbd, request(Operation::kWrite, 2047, 3, 3)));
  EXPECT_FALSE(allows(*vbd, request(Operation::kWrite, 2048, 3, 3)));
}

TEST(Vbd, RefusesASectorThatWouldOverflow) {
  const Owned<Vbd> vbd = open_disk();
  for (uint64_t back = 0; back < 16; ++back) {
    EXPECT_FALSE(allows(*vbd, request(Operation::kRead, UINT64_MAX - back, 0, 7)));
  }
  // The sector in bytes would wrap, to 0.
  EXPECT_FALSE(allows(*vbd, request(Operation::kRead, uint64_t{1} << 55, 0, 7)));
  EXPECT_FALSE(allows(*vbd, request(Operation::kRead, uint64_t{1} << 63, 0, 7)));
}

TEST(Vbd, RefusesEverythingOnADiskSmallerThanTheRequest) {
  host().geometry.sectors = 4;
  const Owned<Vbd> vbd = open_disk();
  EXPECT_FALSE(allows(*vbd, request(Operation::kRead, 0, 0, 7)));
  EXPECT_FALSE(allows(*vbd, request(Operation::kRead, UINT64_MAX, 0, 7)));
  EXPECT_TRUE(allows(*vbd, request(Operation::kRead, 0, 0, 3)));
}

TEST(Vbd, RefusesEverythingOnAnEmptyDisk) {
  host().geometry.sectors = 0;
  const Owned<Vbd> vbd = open_disk();
  EXPECT_FALSE(allows(*vbd, request(Operation::kRead, 0, 0, 0)));
}

TEST(Vbd, ChecksAgainstTheSizeOfNow) {
  const Owned<Vbd> vbd = open_disk();
  host().geometry.sectors = 4096;
  EXPECT_TRUE(allows(*vbd, request(Operation::kRead, 4000, 0, 7)));
  host().geometry.sectors = 1024;
  EXPECT_FALSE(allows(*vbd, request(Operation::kRead, 1020, 0, 7)));
}

TEST(Vbd, TheReasonComesWithTheRefusal) {
  const Owned<Vbd> vbd = open_disk();
  const blkback::Checked<void> checked = vbd->check(request(Operation::kRead, 5000, 0, 7));
  ASSERT_FALSE(checked.has_value());
  EXPECT_TRUE(checked.error().status == Status::kError);
  EXPECT_TRUE(checked.error().reason != nullptr);
}

TEST(Vbd, AReadOnlyDiskIsReadAndNotWritten) {
  const Owned<Vbd> vbd = open_disk(Access::kReadOnly);
  EXPECT_TRUE(allows(*vbd, request(Operation::kRead, 0, 0, 7)));
  EXPECT_FALSE(allows(*vbd, request(Operation::kWrite, 0, 0, 7)));
  EXPECT_FALSE(allows(*vbd, request(Operation::kFlush, 0, 0, 7)));
}

TEST(Vbd, AFlushWithoutDataIsAllowedAnywhereEvenReadOnly) {
  const Owned<Vbd> vbd = open_disk(Access::kReadOnly);
  Request flush{};
  flush.operation = Operation::kFlush;
  flush.sector = UINT64_MAX;
  EXPECT_TRUE(allows(*vbd, flush));
}

TEST(Vbd, AFlushWithDataIsBounded) {
  const Owned<Vbd> vbd = open_disk();
  EXPECT_TRUE(allows(*vbd, request(Operation::kFlush, 2040, 0, 7)));
  EXPECT_FALSE(allows(*vbd, request(Operation::kFlush, 2041, 0, 7)));
}

TEST(Vbd, AFlushReachesEveryDiskThatMayBeWritten) {
  {
    const Owned<Vbd> vbd = open_disk();
    EXPECT_TRUE(vbd->flush_needed());
  }
  {
    const Owned<Vbd> vbd = open_disk(Access::kReadOnly);
    EXPECT_FALSE(vbd->flush_needed());
  }
  // Without a write cache, too: the host knows best whether there is a cache now.
  host().geometry.write_cache = 0;
  const Owned<Vbd> vbd = open_disk();
  EXPECT_TRUE(vbd->flush_needed());
}

TEST(Vbd, ADiskOf4KiBBlocksWantsAlignedStarts) {
  host().geometry.logical_block_bytes = 4096;
  const Owned<Vbd> vbd = open_disk();
  for (uint64_t sector = 0; sector <= 16; ++sector) {
    EXPECT_EQ(allows(*vbd, request(Operation::kRead, sector, 0, 7)), sector % 8 == 0);
  }
}

TEST(Vbd, ADiskOf4KiBBlocksWantsWholeBlocks) {
  host().geometry.logical_block_bytes = 4096;
  const Owned<Vbd> vbd = open_disk();
  EXPECT_TRUE(allows(*vbd, request(Operation::kWrite, 8, 0, 7)));
  EXPECT_FALSE(allows(*vbd, request(Operation::kWrite, 8, 0, 3)));
  EXPECT_FALSE(allows(*vbd, request(Operation::kWrite, 8, 4, 7)));
  EXPECT_FALSE(allows(*vbd, request(Operation::kWrite, 8, 1, 7)));
}

TEST(Vbd, ADiskOf4KiBBlocksTakesPartsOfBlocksThatAreWholeTogether) {
  host().geometry.logical_block_bytes = 4096;
  const Owned<Vbd> vbd = open_disk();
  Request halves = request(Operation::kRead, 8, 0, 3);
  halves.segment_count = 2;
  halves.segments[1] = {.gref = 2, .first = 4, .last = 7};
  halves.sectors = 8;
  EXPECT_TRUE(allows(*vbd, halves));
  EXPECT_TRUE(vbd->copies());
  EXPECT_FALSE(vbd->whole_blocks(halves.segments[0]));
  EXPECT_FALSE(vbd->whole_blocks(halves.segments[1]));
  EXPECT_TRUE(vbd->whole_blocks({.gref = 3, .first = 0, .last = 7}));
}

TEST(Vbd, ABlockOf1KiBIsWholeWhereItBeginsAndEnds) {
  host().geometry.logical_block_bytes = 1024;
  const Owned<Vbd> vbd = open_disk();
  EXPECT_TRUE(vbd->whole_blocks({.gref = 1, .first = 2, .last = 5}));
  EXPECT_FALSE(vbd->whole_blocks({.gref = 1, .first = 1, .last = 4}));
  EXPECT_FALSE(vbd->whole_blocks({.gref = 1, .first = 2, .last = 4}));
}

TEST(Vbd, OnlyADiskOfSmallBlocksThatWantsNothingStableCopiesNothing) {
  EXPECT_FALSE(open_disk()->copies());
  host().geometry.stable_writes = 1;
  const Owned<Vbd> vbd = open_disk();
  EXPECT_TRUE(vbd->copies());
  EXPECT_TRUE(vbd->stable_writes());
  EXPECT_TRUE(vbd->whole_blocks({.gref = 1, .first = 3, .last = 4}));
}

TEST(Vbd, ABlockIsNotLargerThanAPage) {
  host().geometry.logical_block_bytes = 4096;
  EXPECT_TRUE(open_disk()->serves_blocks());
  host().geometry.logical_block_bytes = 8192;
  EXPECT_FALSE(open_disk()->serves_blocks());
}

TEST(Vbd, ADiskOf512ByteBlocksTakesAnySector) {
  const Owned<Vbd> vbd = open_disk();
  EXPECT_TRUE(allows(*vbd, request(Operation::kWrite, 1, 3, 4)));
}

TEST(Vbd, TellsTheFrontendWhatKindOfDiskItIs) {
  {
    const Owned<Vbd> vbd = open_disk();
    EXPECT_EQ(vbd->info(), 0u);
  }
  {
    const Owned<Vbd> vbd = open_disk(Access::kReadOnly);
    EXPECT_EQ(vbd->info(), static_cast<uint32_t>(VDISK_READONLY));
  }
  {
    const Owned<Vbd> vbd = open_disk(Access::kReadWrite, true);
    EXPECT_EQ(vbd->info(), static_cast<uint32_t>(VDISK_CDROM));
  }
  host().geometry.removable = 1;
  host().geometry.cdrom = 1;
  const Owned<Vbd> vbd = open_disk(Access::kReadOnly);
  EXPECT_EQ(vbd->info(), static_cast<uint32_t>(VDISK_CDROM | VDISK_REMOVABLE | VDISK_READONLY));
}

TEST(Vbd, PassesOnAFailedWriteOut) {
  const Owned<Vbd> vbd = open_disk();
  EXPECT_TRUE(vbd->sync().has_value());
  host().sync_error = -5;
  const auto synced = vbd->sync();
  ASSERT_FALSE(synced.has_value());
  EXPECT_EQ(synced.error().number, -5);
}

}  // namespace
