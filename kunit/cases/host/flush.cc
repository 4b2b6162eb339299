// SPDX-License-Identifier: GPL-2.0
// The fake host's disk loses the writes that no flush has covered.  Its oracle notices a flush that
// is answered too early: because the driver forgets a flag, the disk lies, or a response comes out
// of order.
#include "support/complaints.h"
#include "support/disk.h"
#include "support/expectations.h"
#include "support/held_rings.h"

namespace {

using fake::DiskCache;
using fake::FlushOracle;
using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::Complaints;
using kunit::HeldRings;

// Writes a page filled with `byte`.  Returns true if the request succeeds.
bool write(DeviceFixture& bench, uint8_t operation, uint64_t id, uint64_t sector, uint8_t byte) {
  const uint32_t gref = bench.guest().grant();
  bench.guest().fill(gref, byte);
  bench.guest().send(ask(operation, id, sector, {{gref}}));
  host().run();
  return bench.guest().status_of(id) == BLKIF_RSP_OKAY;
}

bool flush(DeviceFixture& bench, uint64_t id) {
  bench.guest().send(ask(BLKIF_OP_FLUSH_DISKCACHE, id, 0, {}));
  host().run();
  return bench.guest().status_of(id) == BLKIF_RSP_OKAY;
}

TEST(HostFlush, WhatIsInTheCacheIsLost) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  kunit::fill_disk(8, 8, 0x11);
  ASSERT_TRUE(write(bench, BLKIF_OP_WRITE, 1, 8, 0x22));
  EXPECT_TRUE(kunit::disk_holds(8, 8, 0x22));
  EXPECT_EQ(host().cache.byte_after_loss(8 * 512), 0x11);
  host().cache.lose();
  EXPECT_TRUE(kunit::disk_holds(8, 8, 0x11));
}

TEST(HostFlush, WhatWasFlushedIsNot) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(write(bench, BLKIF_OP_WRITE, 1, 8, 0x22));
  ASSERT_TRUE(flush(bench, 2));
  ASSERT_TRUE(write(bench, BLKIF_OP_WRITE, 3, 12, 0x33));
  host().cache.lose();
  EXPECT_TRUE(kunit::disk_holds(8, 8, 0x22));
  EXPECT_TRUE(kunit::disk_holds(16, 4, 0));
}

TEST(HostFlush, WithoutACacheNothingIsLost) {
  host().geometry.write_cache = 0;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(write(bench, BLKIF_OP_WRITE, 1, 8, 0x22));
  host().cache.lose();
  EXPECT_TRUE(kunit::disk_holds(8, 8, 0x22));
}

// A flush does not cover a write that ends while the flush is in flight.
TEST(HostFlush, AFlushCoversWhatHadEndedWhenItBegan) {
  HeldRings bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  bench.write(0, 1);
  bench.write(0, 2);
  ASSERT_TRUE(bench.end(1));
  bench.guest().send(ask(BLKIF_OP_FLUSH_DISKCACHE, 9, 0, {}));
  host().run();
  ASSERT_TRUE(bench.end(2));
  ASSERT_EQ(host().held.size(), 1u);
  host().complete(0);
  host().run();
  EXPECT_TRUE(bench.okay(0, 9));
  EXPECT_NE(host().cache.durable(8), 0u);
  EXPECT_EQ(host().cache.durable(16), 0u);
}

TEST(HostFlush, EveryFlushThatIsAnsweredIsJudged) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(write(bench, BLKIF_OP_WRITE, 1, 8, 1));
  ASSERT_TRUE(flush(bench, 2));
  ASSERT_TRUE(write(bench, BLKIF_OP_WRITE_BARRIER, 3, 16, 3));
  ASSERT_TRUE(write(bench, BLKIF_OP_FLUSH_DISKCACHE, 4, 24, 4));
  EXPECT_EQ(host().flush_oracle.judged(), 3u);
}

TEST(HostFlush, ADiskThatOnlySaysThatItFlushedIsNoticed) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  ASSERT_TRUE(write(bench, BLKIF_OP_WRITE, 1, 8, 1));
  host().flush_lies = true;
  const Complaints complaints;
  EXPECT_TRUE(flush(bench, 2));
  EXPECT_TRUE(complaints.only("a flush is answered, and the loss"));
  EXPECT_EQ(complaints.count("sector 8"), 1u);
}

TEST(HostFlush, AFlagThatIsForgottenIsNoticed) {
  struct Mistake {
    uint8_t operation;
    uint8_t flag;
    const char* about;
  };
  const Mistake mistakes[] = {
      {BLKIF_OP_WRITE_BARRIER, HOST_IO_PREFLUSH, "a barrier is answered, and the loss"},
      {BLKIF_OP_WRITE_BARRIER, HOST_IO_FUA, "the data of a barrier is answered, and the loss"},
      {BLKIF_OP_FLUSH_DISKCACHE, HOST_IO_PREFLUSH, "a flush is answered, and the loss"},
      {BLKIF_OP_FLUSH_DISKCACHE, HOST_IO_FUA, "the data of a flush is answered, and the loss"}};
  for (const Mistake& mistake : mistakes) {
    DeviceFixture bench;
    ASSERT_TRUE(bench.connect());
    ASSERT_TRUE(write(bench, BLKIF_OP_WRITE, 1, 8, 1));
    host().at_submit = [&mistake](host_io& io) {
      io.flags = static_cast<uint8_t>(io.flags & ~mistake.flag);
    };
    const Complaints complaints;
    EXPECT_TRUE(write(bench, mistake.operation, 2, 16, 2));
    host().at_submit = nullptr;
    EXPECT_TRUE(complaints.only(mistake.about)) << mistake.about;
  }
}

// A guest cannot rely on a write to which it has no response.
TEST(HostFlush, AWriteWithoutAnAnswerNeedNotBeCovered) {
  HeldRings bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  bench.write(0, 1);
  bench.guest().send(ask(BLKIF_OP_FLUSH_DISKCACHE, 9, 0, {}));
  host().run();
  ASSERT_EQ(host().held.size(), 2u);
  host().complete(1);
  host().run();
  EXPECT_TRUE(bench.okay(0, 9));
  EXPECT_EQ(host().flush_oracle.judged(), 1u);
  ASSERT_TRUE(bench.end(1));
}

// A ring as the oracle sees it, without a driver.
class Judge {
 public:
  template <typename Request>
  void take(const Request& request) {
    uint8_t slot[112];
    kunit::write_slot(slot, kunit::Layout::kX86_64, request);
    oracle_.taken(this, 7, slot, sizeof(slot));
  }
  void read(const uint8_t* descriptors, uint32_t count) {
    oracle_.described(descriptors, descriptors, size_t{count} * 8);
  }
  // The sectors are written through the cache to the medium.
  void make_durable(uint64_t sector, uint64_t count) {
    host().need_disk((sector + count) * 512);
    cache_.before_change(sector, count);
    cache_.after_change(sector, count, DiskCache::Reach::kMedium);
  }
  void answer(uint8_t operation, uint64_t id, int16_t status = BLKIF_RSP_OKAY) {
    oracle_.answered(this, id, operation, status);
  }
  [[nodiscard]] uint64_t judged() const { return oracle_.judged(); }

 private:
  DiskCache cache_;
  FlushOracle oracle_{cache_};
};

TEST(HostFlush, ABarrierThatOvertakesIsNoticed) {
  Judge judge;
  judge.take(ask(BLKIF_OP_WRITE, 1, 8, {{1}}));
  judge.take(ask(BLKIF_OP_WRITE_BARRIER, 2, 0, {}));
  const Complaints complaints;
  judge.answer(BLKIF_OP_WRITE_BARRIER, 2);
  EXPECT_TRUE(complaints.only("a barrier is answered before an earlier write"));
}

TEST(HostFlush, ABarrierCoversAWriteThatWasAnsweredAfterItWasTaken) {
  Judge judge;
  judge.take(ask(BLKIF_OP_WRITE, 1, 8, {{1}}));
  judge.take(ask(BLKIF_OP_WRITE_BARRIER, 2, 0, {}));
  judge.answer(BLKIF_OP_WRITE, 1);
  const Complaints complaints;
  judge.answer(BLKIF_OP_WRITE_BARRIER, 2);
  EXPECT_TRUE(complaints.only("a barrier is answered, and the loss"));
}

TEST(HostFlush, OfAnIndirectWriteEverySectorCounts) {
  kunit::Guest guest(kunit::Layout::kX86_64);
  const kunit::IndirectAsk write = guest.indirect(BLKIF_OP_WRITE, 1, 8, guest.grants(2), 2);
  Judge judge;
  judge.take(write);
  judge.read(guest.page(write.gref), 2);
  judge.make_durable(8, 15);  // of the write's 16 sectors
  judge.answer(BLKIF_OP_WRITE, 1);
  judge.take(ask(BLKIF_OP_FLUSH_DISKCACHE, 2, 0, {}));
  const Complaints complaints;
  judge.answer(BLKIF_OP_FLUSH_DISKCACHE, 2);
  EXPECT_TRUE(complaints.only("undo a write to sector 23"));
}

TEST(HostFlush, WhatFailedIsNotAskedFor) {
  Judge judge;
  judge.take(ask(BLKIF_OP_WRITE, 1, 8, {{1}}));
  judge.answer(BLKIF_OP_WRITE, 1, BLKIF_RSP_ERROR);
  judge.take(ask(BLKIF_OP_FLUSH_DISKCACHE, 2, 0, {}));
  judge.answer(BLKIF_OP_FLUSH_DISKCACHE, 2);
  judge.take(ask(BLKIF_OP_WRITE, 3, 8, {{1}}));
  judge.answer(BLKIF_OP_WRITE, 3);
  judge.take(ask(BLKIF_OP_FLUSH_DISKCACHE, 4, 0, {}));
  judge.answer(BLKIF_OP_FLUSH_DISKCACHE, 4, BLKIF_RSP_ERROR);
}

// A response may belong to any flush of the same id, until none of these flushes is open.
TEST(HostFlush, FlushesThatLookTheSameAreNotJudged) {
  Judge judge;
  judge.take(ask(BLKIF_OP_FLUSH_DISKCACHE, 5, 0, {}));
  judge.take(ask(BLKIF_OP_FLUSH_DISKCACHE, 5, 0, {}));
  judge.answer(BLKIF_OP_FLUSH_DISKCACHE, 5);
  judge.take(ask(BLKIF_OP_WRITE, 1, 8, {{1}}));
  judge.answer(BLKIF_OP_WRITE, 1);
  judge.take(ask(BLKIF_OP_FLUSH_DISKCACHE, 5, 0, {}));
  judge.answer(BLKIF_OP_FLUSH_DISKCACHE, 5);
  judge.answer(BLKIF_OP_FLUSH_DISKCACHE, 5);
  EXPECT_EQ(judge.judged(), 0u);
  judge.take(ask(BLKIF_OP_FLUSH_DISKCACHE, 5, 0, {}));
  const Complaints complaints;
  judge.answer(BLKIF_OP_FLUSH_DISKCACHE, 5);
  EXPECT_EQ(judge.judged(), 1u);
  EXPECT_TRUE(complaints.only("a flush is answered, and the loss"));
}

TEST(HostFlush, WritesThatLookTheSameNeedNotBeCovered) {
  Judge judge;
  judge.take(ask(BLKIF_OP_WRITE, 5, 8, {{1}}));
  judge.take(ask(BLKIF_OP_WRITE, 5, 16, {{1}}));
  judge.answer(BLKIF_OP_WRITE, 5);
  judge.take(ask(BLKIF_OP_WRITE, 5, 24, {{1}}));
  judge.answer(BLKIF_OP_WRITE, 5);
  judge.take(ask(BLKIF_OP_FLUSH_DISKCACHE, 6, 0, {}));
  judge.answer(BLKIF_OP_FLUSH_DISKCACHE, 6);
  judge.answer(BLKIF_OP_WRITE, 5);
  judge.take(ask(BLKIF_OP_FLUSH_DISKCACHE, 7, 0, {}));
  judge.answer(BLKIF_OP_FLUSH_DISKCACHE, 7);
  EXPECT_EQ(judge.judged(), 2u);
}

// A twin and another write name the same page of descriptors.  Each reads the page at its own time,
// so only the first sector of the other write is checked.
TEST(HostFlush, AWriteThatLooksLikeAnotherReadsDescriptors) {
  kunit::Guest guest(kunit::Layout::kX86_64);
  const uint32_t first = guest.grants(2);
  const kunit::IndirectAsk write = guest.indirect(BLKIF_OP_WRITE, 1, 8, first, 2);
  kunit::IndirectAsk twin = guest.indirect(BLKIF_OP_WRITE, 5, 800, first, 2);
  Judge judge;
  judge.take(write);
  judge.take(twin);
  twin.gref = write.gref;
  judge.take(twin);
  judge.read(guest.page(write.gref), 2);
  judge.make_durable(8, 1);  // the first of the write's 16 sectors
  judge.answer(BLKIF_OP_WRITE, 1);
  judge.take(ask(BLKIF_OP_FLUSH_DISKCACHE, 2, 0, {}));
  judge.answer(BLKIF_OP_FLUSH_DISKCACHE, 2);
  EXPECT_EQ(judge.judged(), 1u);
}

}  // namespace
