// SPDX-License-Identifier: GPL-2.0
// Readers of a device's statistics, while its queues come and go.
#include "vbd/statistics.h"

#include <gtest/gtest.h>

#include "threads/frontend.h"

namespace {

using blkback::QueueCounters;
using blkback::Statistics;

bool went_back(const driver_statistics& before, const driver_statistics& now) {
  return now.oo_req < before.oo_req || now.rd_req < before.rd_req || now.wr_req < before.wr_req ||
         now.f_req < before.f_req || now.ds_req < before.ds_req || now.rd_sect < before.rd_sect ||
         now.wr_sect < before.wr_sect;
}

TEST(ThreadsStatistics, TotalsNeverGoBackAndNothingIsLost) {
  Statistics statistics;
  constexpr uint32_t kQueues = 300;
  constexpr uint32_t kRequests = 20;
  std::atomic<uint32_t> writers{3};
  const auto queue = [&] {
    for (uint32_t i = 0; i < kQueues; ++i) {
      QueueCounters counters;
      statistics.enlist(counters);
      for (uint32_t request = 0; request < kRequests; ++request) {
        counters.reads.add(1);
        counters.sectors_read.add(8);
        counters.out_of_resources.add(1);
        counters.discards.add(1);
      }
      statistics.retire(counters);
    }
    writers.fetch_sub(1);
  };
  uint32_t backwards[2] = {};
  const auto reader = [&](uint32_t me) {
    driver_statistics before = statistics.read();
    while (writers != 0) {
      const driver_statistics now = statistics.read();
      if (went_back(before, now)) ++backwards[me];
      before = now;
      std::this_thread::yield();
    }
  };
  threads::together({queue, queue, queue, [&] { reader(0); }, [&] { reader(1); }});
  EXPECT_EQ(backwards[0], 0u);
  EXPECT_EQ(backwards[1], 0u);
  constexpr uint64_t kAll = 3u * kQueues * kRequests;
  const driver_statistics totals = statistics.read();
  EXPECT_EQ(totals.rd_req, kAll);
  EXPECT_EQ(totals.rd_sect, 8 * kAll);
  EXPECT_EQ(totals.oo_req, kAll);
  EXPECT_EQ(totals.ds_req, kAll);
  EXPECT_EQ(totals.wr_req, 0u);
}

TEST(ThreadsStatistics, AreReadWhileADeviceConnectsServesAndDisconnects) {
  threads::Device device(2);
  ASSERT_TRUE(device.probe());
  std::atomic<bool> over{false};
  uint32_t backwards = 0;
  constexpr uint64_t kRequests = 40;
  const auto frontend = [&](uint32_t queue) {
    EXPECT_TRUE(device.frontend(queue).run(
        kRequests,
        [&](uint64_t id) {
          return kunit::ask(BLKIF_OP_READ, id, 0, {{device.frontend(queue).gref_of(id)}});
        },
        [](uint64_t, int16_t status) { EXPECT_EQ(status, BLKIF_RSP_OKAY); }));
  };
  constexpr uint32_t kRounds = 10;
  threads::together({[&] {
                       for (uint32_t i = 0; i < kRounds; ++i) {
                         ASSERT_TRUE(device.connect());
                         threads::together({[&] { frontend(0); }, [&] { frontend(1); }});
                         ASSERT_TRUE(device.disconnect());
                       }
                       over = true;
                     },
                     [&] {
                       driver_statistics before{};
                       while (!over && !testing::Test::HasFailure()) {
                         driver_statistics now{};
                         driver_statistics_read(device.driver(), &now);
                         if (went_back(before, now)) ++backwards;
                         before = now;
                         driver_disk_info disk_info{};
                         driver_disk_info_read(device.driver(), &disk_info);
                         std::this_thread::yield();
                       }
                     }});
  EXPECT_EQ(backwards, 0u);
  driver_statistics totals{};
  driver_statistics_read(device.driver(), &totals);
  EXPECT_EQ(totals.rd_req, 2 * kRounds * kRequests);
  EXPECT_EQ(totals.rd_sect, 8 * 2 * kRounds * kRequests);
}

}  // namespace
