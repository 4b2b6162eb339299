// SPDX-License-Identifier: GPL-2.0
// Devices that come and go while other threads call into them.
#include <gtest/gtest.h>

#include <array>

#include "driver_inspection.h"
#include "threads/frontend.h"

namespace {

using kunit::ask;
using threads::Device;
using threads::Frontend;
using threads::host;
using threads::random_below;

void read_some(Frontend& frontend, uint64_t count) {
  EXPECT_TRUE(frontend.run(
      count,
      [&frontend](uint64_t id) { return ask(BLKIF_OP_READ, id, 0, {{frontend.gref_of(id)}}); },
      [](uint64_t, int16_t status) { EXPECT_EQ(status, BLKIF_RSP_OKAY); }));
}

void abandon_some(Frontend& frontend) {
  frontend.abandon(random_below(frontend.slots()), [&frontend](uint64_t id) {
    return ask(BLKIF_OP_READ, id, 0, {{frontend.gref_of(id)}});
  });
}

TEST(ThreadsDevice, DevicesComeAndGoWhileParametersAndDisksChange) {
  std::atomic<uint32_t> guests{3};
  const auto guest = [&guests](uint32_t number) {
    for (int round = 0; round < 12; ++round) {
      Device device(1 + number % 2, number != 0, 100 + number, 1 + 4 * number);
      ASSERT_TRUE(device.probe());
      if (round % 3 == 0) continue;  // removed before it connects
      ASSERT_TRUE(device.connect());
      read_some(device.frontend(0), 40);
      if (round % 3 == 1) {
        ASSERT_TRUE(device.disconnect());
        continue;
      }
      abandon_some(device.frontend(0));
    }
    guests.fetch_sub(1);
  };
  const auto administrator = [&guests] {
    while (guests != 0 && !testing::Test::HasFailure()) {
      driver_parameters_changed();
      host().sectors = 1000 + random_below(1000);
      driver_disks_changed();
      driver_disk_changed(1, 2);
      (void)driver_survey();
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  };
  threads::together({[&] { guest(0); }, [&] { guest(1); }, [&] { guest(2); }, administrator});
}

// What a reader sees of one request belongs together, whatever the ring does meanwhile.
TEST(ThreadsDevice, AnAdministratorLooksWhileRingsComeAndGo) {
  Device device(2);
  ASSERT_TRUE(device.probe());
  std::atomic<bool> over{false};
  const auto guest = [&] {
    for (int round = 0; round < 12; ++round) {
      ASSERT_TRUE(device.connect());
      read_some(device.frontend(0), 200);
      ASSERT_TRUE(device.disconnect());
    }
    over = true;
  };
  const auto administrator = [&] {
    std::array<driver_request_info, 64> requests{};
    while (!over && !testing::Test::HasFailure()) {
      driver_connection_info connection{};
      (void)driver_connection_read(device.driver(), &connection);
      driver_ring_info ring{};
      if (driver_ring_read(device.driver(), 0, &ring, requests.data(), 64)) {
        ASSERT_LE(ring.requests, ring.slots);
        for (uint32_t i = 0; i < std::min(ring.requests, 64u); ++i) {
          ASSERT_EQ(requests[i].operation, BLKIF_OP_READ);
          ASSERT_EQ(requests[i].sectors, 8u);
          ASSERT_EQ(requests[i].segments, 1u);
        }
      }
      (void)driver_ring_kick(device.driver(), random_below(3));
    }
  };
  threads::together({guest, administrator});
}

// During the removal the device's work runs for another reason.  It destroys the device
// before driver_device_remove() has scheduled the work.
TEST(ThreadsDevice, RemovalIsSeenByWorkThatRunsAnyway) {
  std::atomic<bool> over{false};
  threads::together({[&over] {
                       for (int round = 0; round < 300; ++round) {
                         host_device backend;
                         ASSERT_EQ(driver_device_create(&backend, &backend.driver), 0);
                         if (random_below(2) == 0) std::this_thread::yield();
                         driver_device_remove(backend.driver);
                         std::unique_lock guard(backend.lock);
                         ASSERT_TRUE(backend.news.wait_for(guard, threads::kPatience,
                                                           [&] { return backend.released; }));
                       }
                       over = true;
                     },
                     [&over] {
                       while (!over && !testing::Test::HasFailure()) {
                         driver_disks_changed();
                         (void)driver_survey();
                       }
                     }});
}

TEST(ThreadsDevice, EveryEventAtAnyTimeAndThenRemoval) {
  for (int round = 0; round < 12; ++round) {
    Device device(2);
    ASSERT_TRUE(device.probe());
    ASSERT_TRUE(device.connect());
    abandon_some(device.frontend(0));
    abandon_some(device.frontend(1));
    // xenbus and sysfs wait for these calls before they remove the device.
    threads::together({[&device] {
                         for (int i = 0; i < 30; ++i) device.state(random_below(9));
                       },
                       [&device] {
                         for (int i = 0; i < 30; ++i) device.state_changed();
                       },
                       [&device] {
                         for (int i = 0; i < 30; ++i) driver_reclaim_memory(device.driver());
                       },
                       [&device] {
                         for (int i = 0; i < 30; ++i) {
                           driver_statistics statistics{};
                           driver_statistics_read(device.driver(), &statistics);
                           driver_disk_info disk_info{};
                           driver_disk_info_read(device.driver(), &disk_info);
                           (void)driver_device_finished(device.driver());
                         }
                       }});
    driver_parameters_changed();
    device.remove();
    driver_disks_changed();
    ASSERT_TRUE(device.wait_release());
    EXPECT_EQ(host().mapped, 0);
  }
}

TEST(ThreadsDevice, TheDiskIsNamedWhileItIsAskedFor) {
  for (int round = 0; round < 30; ++round) {
    Device device(1);
    {
      const std::lock_guard guard(device.device().lock);
      device.device().backend.erase("physical-device");
    }
    ASSERT_TRUE(device.probe());
    threads::together({[&device] {
                         {
                           const std::lock_guard guard(device.device().lock);
                           device.device().backend["physical-device"] = "fe:10";
                         }
                         device.physical_device_changed();
                       },
                       [&device] {
                         driver_disk_info disk_info{};
                         const auto end = std::chrono::steady_clock::now() + threads::kPatience;
                         while (disk_info.major == 0 && std::chrono::steady_clock::now() < end) {
                           driver_disk_info_read(device.driver(), &disk_info);
                           std::this_thread::yield();
                         }
                         EXPECT_EQ(disk_info.major, 0xfeu);
                         EXPECT_EQ(disk_info.minor, 0x10u);
                         EXPECT_STREQ(disk_info.mode, "w");
                       }});
  }
}

TEST(ThreadsDevice, ASuccessorConnectsWhenItsPredecessorHasLetGo) {
  for (int round = 0; round < 15; ++round) {
    Device first(2, true, 7, 1);
    ASSERT_TRUE(first.probe());
    ASSERT_TRUE(first.connect());
    abandon_some(first.frontend(0));
    abandon_some(first.frontend(1));
    // The same xenbus device, bound again: the second must not touch the guest before
    // the first has released it, and must notice the release.
    first.remove();
    Device second(2, true, 7, 1);
    ASSERT_TRUE(second.probe());
    ASSERT_TRUE(second.connect());
    EXPECT_TRUE(first.wait_release());
    read_some(second.frontend(0), 20);
  }
}

// The disk is closed before, and is seen closed.
TEST(ThreadsDevice, TheEndIsSeenByWhoWaitsForIt) {
  int closed = 0;  // not atomic: the core alone orders its accesses
  host().disk_closed = [&closed] { ++closed; };
  for (int round = 0; round < 15; ++round) {
    Device device(1);
    ASSERT_TRUE(device.probe());
    ASSERT_TRUE(device.connect());
    {
      const std::lock_guard guard(device.device().lock);
      device.device().backend["online"] = "0";
    }
    threads::together({[&device] {
                         device.state(HOST_XENBUS_CLOSING);
                         device.state(HOST_XENBUS_CLOSED);
                       },
                       [&device, &closed, round] {
                         const auto end = std::chrono::steady_clock::now() + threads::kPatience;
                         while (!driver_device_finished(device.driver()) &&
                                std::chrono::steady_clock::now() < end) {
                           std::this_thread::yield();
                         }
                         EXPECT_TRUE(driver_device_finished(device.driver()));
                         EXPECT_EQ(closed, round + 1);
                       }});
    EXPECT_EQ(host().mapped, 0);
  }
}

}  // namespace
