// SPDX-License-Identifier: GPL-2.0
#include "vbd/statistics.h"

#include <array>
#include <memory>

#include "support/expectations.h"
#include "support/held_rings.h"

namespace {

using blkback::Latency;
using blkback::QueueCounters;
using blkback::Statistics;
using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::HeldRings;

// Too large for a kernel's stack.
struct Totals {
  Statistics statistics;
  QueueCounters one;
  QueueCounters two;
};

std::array<uint64_t, DRIVER_LATENCY_BUCKETS> latency(DeviceFixture& device,
                                                     driver_request_kind kind,
                                                     driver_latency_span span) {
  std::array<uint64_t, DRIVER_LATENCY_BUCKETS> buckets{};
  driver_latency_read(device.driver(), kind, span, buckets.data());
  return buckets;
}

uint64_t sum(const std::array<uint64_t, DRIVER_LATENCY_BUCKETS>& buckets) {
  uint64_t all = 0;
  for (const uint64_t count : buckets) all += count;
  return all;
}

TEST(Statistics, ABucketReachesFromHalfItsPowerOfTwo) {
  EXPECT_EQ(Latency::bucket(0), 0u);
  EXPECT_EQ(Latency::bucket(999), 0u);
  EXPECT_EQ(Latency::bucket(1000), 1u);
  EXPECT_EQ(Latency::bucket(1999), 1u);
  EXPECT_EQ(Latency::bucket(2000), 2u);
  EXPECT_EQ(Latency::bucket(3999), 2u);
  EXPECT_EQ(Latency::bucket(4000), 3u);
  EXPECT_EQ(Latency::bucket(4194303999), 22u);
  EXPECT_EQ(Latency::bucket(4194304000), 23u);
  EXPECT_EQ(Latency::bucket(UINT64_MAX), 23u);
}

TEST(Statistics, TotalsAreTheSumOfAllQueues) {
  const auto heap = std::make_unique<Totals>();
  Statistics& statistics = heap->statistics;
  QueueCounters& one = heap->one;
  QueueCounters& two = heap->two;
  statistics.enlist(one);
  statistics.enlist(two);
  one.reads.add(3);
  two.reads.add(4);
  one.writes.add(1);
  two.flushes.add(2);
  one.sectors_read.add(24);
  two.sectors_written.add(8);
  one.out_of_resources.add(5);
  two.discards.add(6);
  const driver_statistics totals = statistics.read();
  EXPECT_EQ(totals.rd_req, 7u);
  EXPECT_EQ(totals.wr_req, 1u);
  EXPECT_EQ(totals.f_req, 2u);
  EXPECT_EQ(totals.rd_sect, 24u);
  EXPECT_EQ(totals.wr_sect, 8u);
  EXPECT_EQ(totals.oo_req, 5u);
  EXPECT_EQ(totals.ds_req, 6u);
}

TEST(Statistics, ARetiredQueueStillCounts) {
  const auto heap = std::make_unique<Totals>();
  Statistics& statistics = heap->statistics;
  QueueCounters& queue = heap->one;
  statistics.enlist(queue);
  queue.reads.add(3);
  statistics.retire(queue);
  EXPECT_EQ(statistics.read().rd_req, 3u);
  queue.reads.add(1);
  EXPECT_EQ(statistics.read().rd_req, 3u);
}

TEST(Statistics, ReadingResetsNothing) {
  const auto heap = std::make_unique<Totals>();
  Statistics& statistics = heap->statistics;
  QueueCounters& queue = heap->one;
  statistics.enlist(queue);
  queue.writes.add(3);
  (void)statistics.read();
  EXPECT_EQ(statistics.read().wr_req, 3u);
  statistics.retire(queue);
}

TEST(Statistics, TotalsKeepWhatAQueueThatWentHadCounted) {
  const auto heap = std::make_unique<Totals>();
  Statistics& statistics = heap->statistics;
  QueueCounters& first = heap->one;
  QueueCounters& second = heap->two;
  statistics.enlist(first);
  statistics.enlist(second);
  first.answered(DRIVER_WRITE, {.taken = 1000, .submitted = 3000, .done = 9000}, 11000);
  second.answered(DRIVER_WRITE, {.taken = 0, .submitted = 0, .done = 0}, 5000);
  first.errors.add(2);
  second.refused.add(3);
  for (int round = 0; round < 2; ++round) {
    const driver_statistics now = statistics.read();
    EXPECT_EQ(now.done[DRIVER_WRITE], 2u);
    EXPECT_EQ(now.done[DRIVER_READ], 0u);
    EXPECT_EQ(now.total_us[DRIVER_WRITE], 15u);
    EXPECT_EQ(now.disk_us[DRIVER_WRITE], 6u);
    EXPECT_EQ(now.err_req, 2u);
    EXPECT_EQ(now.refused_req, 3u);
    std::array<uint64_t, DRIVER_LATENCY_BUCKETS> buckets{};
    statistics.read_latency(DRIVER_WRITE, DRIVER_LATENCY_TOTAL, buckets);
    EXPECT_EQ(buckets[Latency::bucket(10000)], 1u);
    EXPECT_EQ(buckets[Latency::bucket(5000)], 1u);
    EXPECT_EQ(sum(buckets), 2u);
    statistics.read_latency(DRIVER_WRITE, DRIVER_LATENCY_DISK, buckets);
    EXPECT_EQ(buckets[Latency::bucket(6000)], 1u);
    EXPECT_EQ(sum(buckets), 1u);
    if (round == 0) {
      statistics.retire(first);
      statistics.retire(second);
    }
  }
}

TEST(Statistics, TimeWithTheDiskIsTimeOfTheRequest) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  device.read(0, 1);
  host().now_ms += 7;
  ASSERT_TRUE(device.end(1));
  const driver_statistics statistics = device.statistics();
  EXPECT_EQ(statistics.done[DRIVER_READ], 1u);
  EXPECT_EQ(statistics.disk_us[DRIVER_READ], 7000u);
  EXPECT_EQ(statistics.total_us[DRIVER_READ], 7000u);
  EXPECT_EQ(latency(device, DRIVER_READ, DRIVER_LATENCY_DISK)[Latency::bucket(7000000)], 1u);
  EXPECT_EQ(sum(latency(device, DRIVER_WRITE, DRIVER_LATENCY_TOTAL)), 0u);
}

TEST(Statistics, TimeOfAHypercallIsNotTimeWithTheDisk) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  host().hypercall_ms = 3;
  device.read(0, 1);
  host().now_ms += 7;
  ASSERT_TRUE(device.end(1));
  const driver_statistics statistics = device.statistics();
  EXPECT_EQ(statistics.disk_us[DRIVER_READ], 7000u);
  // Mapping and unmapping.
  EXPECT_EQ(statistics.total_us[DRIVER_READ], 13000u);
}

// A look at the clock costs as much as all other work of the statistics.
TEST(Statistics, ARequestWithoutHypercallsLooksAtTheClockTwice) {
  HeldRings device({.queues = 1, .persistent = true});
  ASSERT_TRUE(device.connected);
  const uint32_t gref = device.guest().grant();
  for (const uint64_t id : {1u, 2u}) {
    host().clock_looks = 0;
    device.guest().send(kunit::ask(BLKIF_OP_READ, id, id * 8, {{gref}}));
    host().run();
    ASSERT_TRUE(device.end(id));
  }
  EXPECT_EQ(host().clock_looks, 2u);
}

// A write that a barrier holds waits in the backend, not at the disk.
TEST(Statistics, TimeBehindABarrierIsNotTimeWithTheDisk) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  device.barrier(0, 1);
  device.write(0, 2);
  host().now_ms += 5;
  ASSERT_TRUE(device.end(1));
  host().now_ms += 2;
  ASSERT_TRUE(device.end(2));
  const driver_statistics statistics = device.statistics();
  EXPECT_EQ(statistics.done[DRIVER_FLUSH], 1u);
  EXPECT_EQ(statistics.disk_us[DRIVER_FLUSH], 5000u);
  EXPECT_EQ(statistics.done[DRIVER_WRITE], 1u);
  EXPECT_EQ(statistics.disk_us[DRIVER_WRITE], 2000u);
  EXPECT_EQ(statistics.total_us[DRIVER_WRITE], 7000u);
}

TEST(Statistics, ErrorsAndRefusalsAreCounted) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  device.read(0, 1);
  ASSERT_TRUE(device.end(1, -5));
  device.send(0, 77, 2, 0);                             // no such operation
  device.send(0, BLKIF_OP_READ, 3, uint64_t{1} << 50);  // beyond the end
  const driver_statistics statistics = device.statistics();
  EXPECT_EQ(statistics.err_req, 3u);
  EXPECT_EQ(statistics.refused_req, 2u);
  EXPECT_EQ(statistics.rd_req, 1u);
  EXPECT_EQ(statistics.done[DRIVER_READ], 1u);
}

// The first use of a grant is a miss, each later one a hit.
TEST(Statistics, HitsAndMissesOfPersistentGrantsAreCounted) {
  DeviceFixture device;
  ASSERT_TRUE(device.connect());
  const uint32_t gref = device.guest().grant();
  const uint32_t other = device.guest().grant();
  device.guest().send(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  host().run();
  EXPECT_EQ(device.statistics().pg_hits, 0u);
  EXPECT_EQ(device.statistics().pg_misses, 1u);
  device.guest().send(ask(BLKIF_OP_READ, 2, 0, {{gref}, {other}}));
  host().run();
  EXPECT_EQ(device.statistics().pg_hits, 1u);
  EXPECT_EQ(device.statistics().pg_misses, 2u);
  ASSERT_TRUE(device.disconnect());
  EXPECT_EQ(device.statistics().pg_hits, 1u);
  EXPECT_EQ(device.statistics().pg_misses, 2u);
}

TEST(Statistics, WithoutPersistentGrantsThereAreNeitherHitsNorMisses) {
  DeviceFixture device({.persistent = false});
  ASSERT_TRUE(device.connect());
  const uint32_t gref = device.guest().grant();
  device.guest().send(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  device.guest().send(ask(BLKIF_OP_READ, 2, 0, {{gref}}));
  host().run();
  EXPECT_EQ(device.statistics().pg_hits, 0u);
  EXPECT_EQ(device.statistics().pg_misses, 0u);
}

// All that was counted as taken is counted as done in the end.
TEST(Statistics, NothingIsInFlightWhenAllIsAnswered) {
  host().geometry.write_cache = 0;
  DeviceFixture device;
  ASSERT_TRUE(device.connect());
  const uint32_t gref = device.guest().grant();
  device.guest().send(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  device.guest().send(ask(BLKIF_OP_WRITE, 2, 8, {{gref}}));
  device.guest().send(ask(BLKIF_OP_FLUSH_DISKCACHE, 3, 0, {}));  // answered without I/O
  host().run();
  const driver_statistics statistics = device.statistics();
  EXPECT_EQ(statistics.done[DRIVER_READ], statistics.rd_req);
  EXPECT_EQ(statistics.done[DRIVER_WRITE], statistics.wr_req);
  EXPECT_EQ(statistics.done[DRIVER_FLUSH], statistics.f_req);
  EXPECT_EQ(statistics.f_req, 1u);
}

}  // namespace
