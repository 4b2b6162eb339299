// SPDX-License-Identifier: GPL-2.0
// What an administrator may see of a device's connection, rings and requests.
#include "driver_inspection.h"

#include <array>
#include <memory>
#include <vector>

#include "support/expectations.h"
#include "support/held_rings.h"

namespace {

using fake::host;
using kunit::DeviceFixture;
using kunit::HeldRings;

driver_ring_info ring_of(DeviceFixture& device, uint32_t ring) {
  driver_ring_info info{};
  EXPECT_TRUE(driver_ring_read(device.driver(), ring, &info, nullptr, 0));
  return info;
}

std::vector<driver_request_info> requests_of(DeviceFixture& device, uint32_t ring) {
  std::vector<driver_request_info> requests(64);
  driver_ring_info info{};
  EXPECT_TRUE(driver_ring_read(device.driver(), ring, &info, requests.data(), 64));
  requests.resize(info.requests);
  return requests;
}

TEST(DeviceInspection, WithoutAFrontendThereIsNothing) {
  DeviceFixture device;
  ASSERT_EQ(device.probe(), 0);
  driver_connection_info connection{};
  connection.rings = 3;
  EXPECT_FALSE(driver_connection_read(device.driver(), &connection));
  EXPECT_EQ(connection.rings, 0u);
  driver_ring_info info{};
  EXPECT_FALSE(driver_ring_read(device.driver(), 0, &info, nullptr, 0));
  EXPECT_FALSE(driver_ring_kick(device.driver(), 0));
}

TEST(DeviceInspection, AConnectionShowsWhatWasNegotiated) {
  HeldRings device(
      {.layout = kunit::Layout::kX86_32, .queues = 2, .ring_order = 1, .persistent = true});
  ASSERT_TRUE(device.connected);
  driver_connection_info connection{};
  ASSERT_TRUE(driver_connection_read(device.driver(), &connection));
  EXPECT_EQ(connection.rings, 2u);
  EXPECT_EQ(connection.ring_pages, 2u);
  EXPECT_EQ(connection.slots, device.guest().slots());
  EXPECT_EQ(connection.protocol, 2u);
  EXPECT_EQ(connection.persistent, 1u);
  EXPECT_EQ(connection.sectors, host().geometry.sectors);
  EXPECT_EQ(connection.logical_block_bytes, 512u);
  EXPECT_EQ(connection.write_cache, 1u);
}

TEST(DeviceInspection, ARequestAtAHangingDiskHasItsAge) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  device.write(1, 3);
  host().now_ms += 1500;
  EXPECT_EQ(requests_of(device, 0).size(), 0u);
  const std::vector<driver_request_info> requests = requests_of(device, 1);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].operation, BLKIF_OP_WRITE);
  EXPECT_EQ(requests[0].sector, 24u);
  EXPECT_EQ(requests[0].sectors, 8u);
  EXPECT_EQ(requests[0].segments, 1u);
  EXPECT_EQ(requests[0].age_us, 1500000u);
  EXPECT_EQ(requests[0].place, DRIVER_WITH_DISK);
  EXPECT_EQ(requests[0].disk_us, 1500000u);
  EXPECT_EQ(requests[0].reserved, 0u);
  const driver_ring_info ring = ring_of(device, 1);
  EXPECT_EQ(ring.requests, 1u);
  EXPECT_EQ(ring.with_disk, 1u);
  EXPECT_EQ(ring.stalled_ms, 1500u);
  ASSERT_TRUE(device.end(3));
  EXPECT_EQ(requests_of(device, 1).size(), 0u);
  EXPECT_EQ(ring_of(device, 1).with_disk, 0u);
}

// The disk has ended it, but the storage stack may still send its page.
TEST(DeviceInspection, ARequestWhoseAnswerIsHeldIsBackFromTheDisk) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  device.write(1, 3);
  host_page* page = host().held[0]->segments[0].page;
  page->busy = true;
  host().now_ms += 20;
  ASSERT_TRUE(device.end(3));
  host().sleep(50);
  const std::vector<driver_request_info> requests = requests_of(device, 1);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].place, DRIVER_BACK_FROM_DISK);
  EXPECT_EQ(requests[0].disk_us, 20000u);
  EXPECT_EQ(requests[0].age_us, 70000u);
  page->busy = false;
  host().sleep(10);
  EXPECT_TRUE(device.okay(1, 3));
}

TEST(DeviceInspection, AWriteBehindABarrierIsNotWithTheDisk) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  device.barrier(0, 1);
  device.write(0, 2);
  host().now_ms += 5;
  const std::vector<driver_request_info> requests = requests_of(device, 0);
  ASSERT_EQ(requests.size(), 2u);
  const driver_request_info& held =
      requests[0].operation == BLKIF_OP_WRITE ? requests[0] : requests[1];
  EXPECT_EQ(held.place, DRIVER_BEFORE_DISK);
  EXPECT_EQ(held.disk_us, 0u);
  EXPECT_EQ(held.age_us, 5000u);
  ASSERT_TRUE(device.end(1));
  ASSERT_TRUE(device.end(2));
}

TEST(DeviceInspection, ARingShowsItsIndices) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  device.read(0, 1);
  device.read(0, 2);
  ASSERT_TRUE(device.end(1));
  const driver_ring_info ring = ring_of(device, 0);
  EXPECT_EQ(ring.state, DRIVER_RING_SERVING);
  EXPECT_EQ(ring.slots, device.guest().slots());
  EXPECT_EQ(ring.req_prod, 2u);
  EXPECT_EQ(ring.req_cons, 2u);
  EXPECT_EQ(ring.rsp_prod, 1u);
  EXPECT_EQ(ring.rsp_event, device.guest().rsp_event());
  ASSERT_TRUE(device.end(2));
}

TEST(DeviceInspection, PersistentGrantsAreCounted) {
  HeldRings device({.queues = 1, .persistent = true});
  ASSERT_TRUE(device.connected);
  device.read(0, 1);
  device.read(0, 2);
  EXPECT_EQ(ring_of(device, 0).persistent_grants, 2u);
  ASSERT_TRUE(device.end(1));
  ASSERT_TRUE(device.end(2));
  EXPECT_EQ(ring_of(device, 0).persistent_grants, 2u);
}

TEST(DeviceInspection, PrivatePagesThatAreKeptAreCounted) {
  HeldRings device({.queues = 1, .persistent = false, .copy_bytes = 4096});
  ASSERT_TRUE(device.connected);
  device.read(0, 1);
  device.read(0, 2);
  EXPECT_EQ(ring_of(device, 0).private_pages, 0u);
  ASSERT_TRUE(device.end(1));
  ASSERT_TRUE(device.end(2));
  EXPECT_EQ(ring_of(device, 0).private_pages, 2u);
}

TEST(DeviceInspection, MoreRequestsThanThereIsRoomForAreCounted) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  for (uint64_t id = 1; id <= 3; ++id) device.read(0, id);
  std::array<driver_request_info, 2> requests{};
  driver_ring_info info{};
  ASSERT_TRUE(driver_ring_read(device.driver(), 0, &info, requests.data(), 1));
  EXPECT_EQ(info.requests, 3u);
  EXPECT_EQ(requests[1].sectors, 0u);
  for (uint64_t id = 1; id <= 3; ++id) ASSERT_TRUE(device.end(id));
}

TEST(DeviceInspection, AStoppedRingIsShownAsStopped) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  device.guest(0).req_prod() += 1000;
  device.guest(0).kick();
  host().run();
  EXPECT_EQ(ring_of(device, 0).state, DRIVER_RING_STOPPED);
  EXPECT_EQ(ring_of(device, 1).state, DRIVER_RING_SERVING);
}

// A frontend that hangs for the loss of an event goes on.
TEST(DeviceInspection, AKickDoesWhatTheLostEventWouldHaveDone) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  host().hold_io = false;
  const uint32_t gref = device.guest(1).grant();
  device.guest(1).put(kunit::ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  device.guest(1).show();
  host().run();
  EXPECT_TRUE(device.waits(1, 1));
  EXPECT_TRUE(driver_ring_kick(device.driver(), 0));
  host().run();
  EXPECT_TRUE(device.waits(1, 1));
  EXPECT_TRUE(driver_ring_kick(device.driver(), 1));
  host().run();
  EXPECT_TRUE(device.okay(1, 1));
  EXPECT_FALSE(driver_ring_kick(device.driver(), 2));
}

TEST(DeviceInspection, ADrainingConnectionIsShown) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  device.read(0, 1);
  device.state(HOST_XENBUS_CLOSED);
  const driver_ring_info ring = ring_of(device, 0);
  EXPECT_EQ(ring.state, DRIVER_RING_CLOSING);
  EXPECT_EQ(ring.requests, 1u);
  ASSERT_TRUE(device.end(1));
  driver_ring_info none{};
  EXPECT_FALSE(driver_ring_read(device.driver(), 0, &none, nullptr, 0));
}

}  // namespace
