// SPDX-License-Identifier: GPL-2.0
// What the core tells the tracepoints, and that it tells nothing to which nobody listens.
#include "host/trace.h"

#include <algorithm>
#include <vector>

#include "support/expectations.h"
#include "support/held_rings.h"

namespace {

using fake::Traced;
using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::HeldRings;

// Somebody listens to all events for a scope.
class Listening {
 public:
  Listening() { set(1); }
  ~Listening() { set(0); }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

 private:
  static void set(uint8_t on) { std::fill_n(host_trace_on, HOST_TRACE_EVENTS, on); }
};

std::vector<Traced> all(host_trace_event event) {
  std::vector<Traced> found;
  std::copy_if(host().traced.begin(), host().traced.end(), std::back_inserter(found),
               [event](const Traced& traced) { return traced.event == event; });
  return found;
}

TEST(QueueTrace, NothingIsTracedToWhichNobodyListens) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  device.read(0, 1);
  device.barrier(0, 2);
  ASSERT_TRUE(device.end(1));
  ASSERT_TRUE(device.end(2));
  EXPECT_EQ(host().traced.size(), 0u);
}

TEST(QueueTrace, ARequestIsTracedWhenItIsTakenSubmittedAndDone) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  const Listening listening;
  device.read(1, 5);
  host().now_ms += 7;
  ASSERT_TRUE(device.end(5));
  for (const host_trace_event event : {HOST_TRACE_TAKEN, HOST_TRACE_SUBMITTED, HOST_TRACE_DONE}) {
    const std::vector<Traced> traced = all(event);
    ASSERT_EQ(traced.size(), 1u);
    EXPECT_EQ(traced[0].ring.domid, 7u);
    EXPECT_EQ(traced[0].ring.vdev, 51712u);
    EXPECT_EQ(traced[0].ring.queue, 1u);
    EXPECT_EQ(traced[0].request.id, 5u);
    EXPECT_EQ(traced[0].request.operation, BLKIF_OP_READ);
    EXPECT_EQ(traced[0].request.sector, 40u);
    EXPECT_EQ(traced[0].request.bytes, 4096u);
    EXPECT_EQ(traced[0].request.segments, 1u);
    EXPECT_EQ(traced[0].request.status, BLKIF_RSP_OKAY);
  }
  EXPECT_EQ(all(HOST_TRACE_DONE)[0].request.total_ns, 7000000u);
  EXPECT_EQ(all(HOST_TRACE_DONE)[0].request.disk_ns, 7000000u);
}

TEST(QueueTrace, AFailureIsTracedWithItsStatus) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  const Listening listening;
  device.write(0, 1);
  ASSERT_TRUE(device.end(1, -5));
  ASSERT_EQ(all(HOST_TRACE_DONE).size(), 1u);
  EXPECT_EQ(all(HOST_TRACE_DONE)[0].request.operation, BLKIF_OP_WRITE);
  EXPECT_EQ(all(HOST_TRACE_DONE)[0].request.status, BLKIF_RSP_ERROR);
}

// A refused request is answered within the intake: the statistics count it as refused only.
TEST(QueueTrace, ARefusedRequestIsNotTraced) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  const Listening listening;
  device.send(0, 77, 2, 0);
  EXPECT_EQ(all(HOST_TRACE_TAKEN).size(), 0u);
  EXPECT_EQ(all(HOST_TRACE_DONE).size(), 0u);
}

TEST(QueueTrace, AFlushThatNeedsNoDiskIsTakenAndDone) {
  DeviceFixture device({.mode = "r"});
  ASSERT_TRUE(device.connect());
  const Listening listening;
  device.guest().send(ask(BLKIF_OP_FLUSH_DISKCACHE, 3, 0, {}));
  host().run();
  EXPECT_EQ(all(HOST_TRACE_TAKEN).size(), 1u);
  EXPECT_EQ(all(HOST_TRACE_SUBMITTED).size(), 0u);
  ASSERT_EQ(all(HOST_TRACE_DONE).size(), 1u);
  EXPECT_EQ(all(HOST_TRACE_DONE)[0].request.operation, BLKIF_OP_FLUSH_DISKCACHE);
  EXPECT_EQ(all(HOST_TRACE_DONE)[0].request.disk_ns, 0u);
}

// Its size is known only when its descriptors are read.
TEST(QueueTrace, AnIndirectRequestIsDoneWithAllItsBytes) {
  DeviceFixture device;
  ASSERT_TRUE(device.connect());
  const Listening listening;
  const uint32_t first = device.guest().grants(20);
  device.guest().send(device.guest().indirect(BLKIF_OP_WRITE, 9, 16, first, 20));
  host().run();
  ASSERT_EQ(all(HOST_TRACE_TAKEN).size(), 1u);
  EXPECT_EQ(all(HOST_TRACE_TAKEN)[0].request.segments, 20u);
  EXPECT_EQ(all(HOST_TRACE_SUBMITTED)[0].request.bytes, 20u * 4096);
  ASSERT_EQ(all(HOST_TRACE_DONE).size(), 1u);
  EXPECT_EQ(all(HOST_TRACE_DONE)[0].request.sector, 16u);
  EXPECT_EQ(all(HOST_TRACE_DONE)[0].request.bytes, 20u * 4096);
  EXPECT_EQ(all(HOST_TRACE_DONE)[0].request.operation, BLKIF_OP_WRITE);
}

TEST(QueueTrace, EachHypercallOfGrantsIsTraced) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  const Listening listening;
  device.read(0, 1);
  ASSERT_EQ(all(HOST_TRACE_GRANTS).size(), 1u);
  EXPECT_EQ(all(HOST_TRACE_GRANTS)[0].mapped, 1u);
  EXPECT_EQ(all(HOST_TRACE_GRANTS)[0].unmapped, 0u);
  ASSERT_TRUE(device.end(1));
  ASSERT_EQ(all(HOST_TRACE_GRANTS).size(), 2u);
  EXPECT_EQ(all(HOST_TRACE_GRANTS)[1].mapped, 0u);
  EXPECT_EQ(all(HOST_TRACE_GRANTS)[1].unmapped, 1u);
  EXPECT_EQ(all(HOST_TRACE_GRANTS)[1].free_pages, 1u);
}

TEST(QueueTrace, AHypercallThatCopiesIsTraced) {
  HeldRings device({.persistent = false, .copy_bytes = 4096});
  ASSERT_TRUE(device.connected);
  const Listening listening;
  device.read(0, 1);
  EXPECT_EQ(all(HOST_TRACE_GRANTS).size(), 0u);
  ASSERT_TRUE(device.end(1));
  ASSERT_EQ(all(HOST_TRACE_GRANTS).size(), 1u);
  EXPECT_EQ(all(HOST_TRACE_GRANTS)[0].copied, 1u);
  EXPECT_EQ(all(HOST_TRACE_GRANTS)[0].mapped, 0u);
}

TEST(QueueTrace, AWriteBehindABarrierIsAStall) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  const Listening listening;
  device.write(0, 1);
  device.barrier(0, 2);
  device.write(0, 3);
  const std::vector<Traced> stalls = all(HOST_TRACE_STALL);
  ASSERT_EQ(stalls.size(), 2u);
  for (const Traced& stall : stalls) {
    EXPECT_EQ(stall.reason, HOST_TRACE_BARRIER);
    EXPECT_EQ(stall.requests, 1u);
  }
  ASSERT_TRUE(device.end(1));
  ASSERT_TRUE(device.end(2));
  ASSERT_TRUE(device.end(3));
}

TEST(QueueTrace, ARequestWithoutPagesIsAStall) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  const Listening listening;
  host().pages_left = 0;
  device.read(0, 1);
  ASSERT_GE(all(HOST_TRACE_STALL).size(), 1u);
  EXPECT_EQ(all(HOST_TRACE_STALL)[0].reason, HOST_TRACE_NO_PAGES);
  EXPECT_EQ(all(HOST_TRACE_STALL)[0].requests, 1u);
  host().pages_left = UINT32_MAX;
}

TEST(QueueTrace, ARequestWithoutHandlesIsAStall) {
  HeldRings device;
  ASSERT_TRUE(device.connected);
  const Listening listening;
  host().handles_left = 0;
  device.read(0, 1);
  ASSERT_GE(all(HOST_TRACE_STALL).size(), 1u);
  EXPECT_EQ(all(HOST_TRACE_STALL)[0].reason, HOST_TRACE_NO_HANDLES);
  host().handles_left = UINT32_MAX;
}

}  // namespace
