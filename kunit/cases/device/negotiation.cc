// SPDX-License-Identifier: GPL-2.0
// What a frontend may ask for, and the complaint if it is refused.
#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::Layout;
using kunit::DeviceSetup;

// Connects with one of the frontend's nodes changed, or removed if `value` is null.  Is the
// frontend refused with this complaint, and is nothing left over?
bool refused(const DeviceSetup& setup, const char* node, const char* value, const char* complaint) {
  DeviceFixture bench(setup);
  if (bench.probe() != 0) return false;
  bench.offer();
  bench.frontend(node, value);
  bench.state(HOST_XENBUS_INITIALISED);
  return bench.backend_state() == HOST_XENBUS_CLOSING && bench.complained(complaint) &&
         host().rings.empty() && host().channels.empty() && host().threads.empty();
}

// Does the queue serve a read?
bool works(DeviceFixture& bench, uint32_t queue = 0) {
  const uint32_t gref = bench.guest(queue).grant();
  bench.guest(queue).send(ask(BLKIF_OP_READ, 12345, 0, {{gref}}));
  host().run();
  return bench.guest(queue).status_of(12345) == BLKIF_RSP_OKAY;
}

TEST(DeviceNegotiation, PublishesTheDiskWhenItConnects) {
  host().geometry.physical_block_bytes = 4096;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("sectors", "2048"));
  EXPECT_TRUE(bench.published("sector-size", "512"));
  EXPECT_TRUE(bench.published("physical-sector-size", "4096"));
  EXPECT_TRUE(bench.published("info", "0"));
  EXPECT_TRUE(bench.published("feature-flush-cache", "1"));
  EXPECT_TRUE(bench.published("feature-persistent", "1"));
}

TEST(DeviceNegotiation, OffersWhatTheDiskCanDo) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("feature-barrier", "1"));
  EXPECT_TRUE(bench.published("feature-max-indirect-segments", "256"));
  // The fake disk cannot discard.
  EXPECT_TRUE(bench.published("feature-discard", "0"));
}

TEST(DeviceNegotiation, WithoutAWriteCacheThereIsNoFlushAndNoBarrier) {
  host().geometry.write_cache = 0;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("feature-flush-cache", "0"));
  EXPECT_TRUE(bench.published("feature-barrier", "0"));
}

TEST(DeviceNegotiation, ADiskLargerThan32BitsIsPublishedWhole) {
  host().geometry.sectors = uint64_t{1} << 40;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("sectors", "1099511627776"));
}

TEST(DeviceNegotiation, ThePropertiesAreThereBeforeTheStateSaysConnected) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  host().failing.insert("host_device_publish");
  bench.state(HOST_XENBUS_INITIALISED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_INIT_WAIT);
  EXPECT_TRUE(bench.complained("publishing the disk's properties"));
  EXPECT_TRUE(host().rings.empty());
}

TEST(DeviceNegotiation, TheHostsCacheIsWrittenOutBeforeTheGuestReads) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  host().sync_error = -5;
  bench.state(HOST_XENBUS_INITIALISED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  EXPECT_TRUE(bench.complained("writing out the disk's cached blocks"));
}

TEST(DeviceNegotiation, EveryProtocolIsServed) {
  for (const Layout layout : {Layout::kNative, Layout::kX86_32, Layout::kX86_64}) {
    DeviceFixture bench({.layout = layout});
    ASSERT_TRUE(bench.connect());
    EXPECT_TRUE(works(bench));
  }
}

TEST(DeviceNegotiation, AFrontendThatNamesNoProtocolIs32Bit) {
  DeviceFixture bench({.layout = Layout::kX86_32});
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  bench.frontend("protocol", nullptr);
  bench.state(HOST_XENBUS_INITIALISED);
  ASSERT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  EXPECT_TRUE(works(bench));
}

TEST(DeviceNegotiation, AnUnknownProtocolIsRefused) {
  EXPECT_TRUE(refused({}, "protocol", "arm-abi-2", "protocol is 'arm-abi-2'"));
  EXPECT_TRUE(refused({}, "protocol", "x86_64-abi x", "protocol"));
  EXPECT_TRUE(refused({}, "protocol", "X86_64-ABI", "protocol"));
}

TEST(DeviceNegotiation, AProtocolThatIsFarTooLongIsRefused) {
  EXPECT_TRUE(refused({}, "protocol",
                      "x86_64-abi-and-very-much-more-than-anybody-would-want-to-read-in-a-node",
                      "protocol is ''"));
}

TEST(DeviceNegotiation, RingsOfEveryOrderAreServed) {
  for (uint32_t order = 1; order <= 4; ++order) {
    DeviceFixture bench({.ring_order = order});
    ASSERT_TRUE(bench.connect());
    EXPECT_TRUE(works(bench));
    ASSERT_EQ(host().rings.size(), 1u);
    EXPECT_EQ(host().rings.begin()->second.grefs.size(), size_t{1} << order);
  }
}

TEST(DeviceNegotiation, AnOrderOfZeroNumbersItsOnlyPage) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  bench.frontend("ring-page-order", "0");
  const std::string ref = bench.device().frontend["ring-ref"];
  bench.frontend("ring-ref", nullptr);
  bench.frontend("ring-ref0", ref.c_str());
  bench.state(HOST_XENBUS_INITIALISED);
  ASSERT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  EXPECT_TRUE(works(bench));
}

TEST(DeviceNegotiation, AnOrderAboveTheMaximumIsRefused) {
  EXPECT_TRUE(refused({}, "ring-page-order", "5", "ring-page-order is '5'"));
  EXPECT_TRUE(refused({}, "ring-page-order", "32", "ring-page-order"));
  EXPECT_TRUE(refused({}, "ring-page-order", "4294967295", "ring-page-order"));
}

TEST(DeviceNegotiation, AnOrderAboveTheParameterIsRefused) {
  host().parameters.max_ring_page_order = 1;
  EXPECT_TRUE(refused({.ring_order = 2}, "unrelated", "1", "ring-page-order is '2'"));
}

TEST(DeviceNegotiation, AnOrderThatIsGarbageIsRefused) {
  EXPECT_TRUE(refused({}, "ring-page-order", "-1", "ring-page-order"));
  EXPECT_TRUE(refused({}, "ring-page-order", "one", "ring-page-order"));
  EXPECT_TRUE(refused({}, "ring-page-order", "0 1", "ring-page-order"));
}

TEST(DeviceNegotiation, AMissingRingReferenceIsRefused) {
  EXPECT_TRUE(refused({}, "ring-ref", nullptr, "ring-ref"));
  EXPECT_TRUE(refused({.ring_order = 2}, "ring-ref3", nullptr, "ring-ref3"));
}

TEST(DeviceNegotiation, ARingReferenceThatIsGarbageIsRefused) {
  EXPECT_TRUE(refused({}, "ring-ref", "zero", "ring-ref is 'zero'"));
  EXPECT_TRUE(refused({}, "ring-ref", "4294967296", "ring-ref"));
}

TEST(DeviceNegotiation, ARingReferenceThatIsNotGrantedIsRefused) {
  EXPECT_TRUE(refused({}, "ring-ref", "4000000000",
                      "attaching ring 0 (1 pages from ring-ref 4000000000, event-channel"));
}

TEST(DeviceNegotiation, AMissingEventChannelIsRefused) {
  EXPECT_TRUE(refused({}, "event-channel", nullptr, "event-channel"));
}

TEST(DeviceNegotiation, AnEventChannelThatCannotBeBoundIsRefused) {
  EXPECT_TRUE(refused({}, "event-channel", "0", "event-channel 0"));
  EXPECT_TRUE(refused({}, "event-channel", "x", "event-channel"));
}

TEST(DeviceNegotiation, ImpossibleIndicesInTheRingAreRefused) {
  DeviceFixture bench;
  bench.guest().req_prod() = 33;
  EXPECT_FALSE(bench.connect());
  EXPECT_TRUE(bench.complained("attaching ring 0"));
  EXPECT_TRUE(host().rings.empty());
}

TEST(DeviceNegotiation, SeveralQueuesEachHaveTheirOwnThread) {
  DeviceFixture bench({.queues = 4, .ring_order = 1});
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(host().threads.size(), 4u);
  EXPECT_TRUE(host().threads[2]->name == "7.xvda-2");
  for (uint32_t i = 0; i < 4; ++i) EXPECT_TRUE(works(bench, i));
}

TEST(DeviceNegotiation, TheDirectoryOfTheDiskIsNotPartOfAThreadsName) {
  DeviceFixture bench;
  bench.backend("dev", "/dev/xvdb");
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(host().threads[0]->name == "7.xvdb-0");
}

TEST(DeviceNegotiation, OneQueueNeedsNoDirectoryOfItsOwn) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  bench.frontend("multi-queue-num-queues", "1");
  bench.state(HOST_XENBUS_INITIALISED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
}

TEST(DeviceNegotiation, MoreQueuesThanOfferedAreRefused) {
  EXPECT_TRUE(refused({}, "multi-queue-num-queues", "5", "multi-queue-num-queues is '5'"));
}

TEST(DeviceNegotiation, NoQueuesAreRefused) {
  EXPECT_TRUE(refused({}, "multi-queue-num-queues", "0", "multi-queue-num-queues is '0'"));
}

TEST(DeviceNegotiation, AQueueWhoseNodesAreMissingLeavesNothingOfTheOthers) {
  EXPECT_TRUE(refused({.queues = 3}, "queue-2/ring-ref", nullptr, "queue-2/ring-ref"));
  EXPECT_TRUE(refused({.queues = 3}, "queue-1/event-channel", nullptr, "queue-1/event-channel"));
}

TEST(DeviceNegotiation, TwoQueuesCannotShareAnEventChannel) {
  EXPECT_TRUE(refused({.queues = 2}, "queue-1/event-channel", "720", "attaching ring 1"));
}

TEST(DeviceNegotiation, PersistenceIsOffWhenTheFrontendSaysSo) {
  for (const char* value : {"0", "", "no"}) {
    DeviceFixture bench;
    ASSERT_EQ(bench.probe(), 0);
    bench.offer();
    bench.frontend("feature-persistent", value);
    bench.state(HOST_XENBUS_INITIALISED);
    ASSERT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
    EXPECT_TRUE(works(bench));
    EXPECT_EQ(bench.guest().all_mappings(), 0u);
  }
}

TEST(DeviceNegotiation, WhatWasNegotiatedIsLoggedOnceWithLinuxsNumberOfTheProtocol) {
  {
    DeviceFixture bench({.layout = kunit::Layout::kNative, .queues = 2});
    ASSERT_TRUE(bench.connect());
  }
  EXPECT_EQ(
      host().logged("using 2 queues, protocol 1 (x86_64-abi) persistent grants, 1 ring pages"), 1u);
  {
    DeviceFixture bench({.layout = kunit::Layout::kX86_32, .ring_order = 1});
    ASSERT_TRUE(bench.connect());
  }
  EXPECT_EQ(
      host().logged("using 1 queues, protocol 2 (x86_32-abi) persistent grants, 2 ring pages"), 1u);
  {
    DeviceFixture bench({.layout = kunit::Layout::kNative, .persistent = false});
    ASSERT_TRUE(bench.connect());
  }
  EXPECT_EQ(host().logged("using 1 queues, protocol 1 (x86_64-abi), 1 ring pages"), 1u);
  EXPECT_EQ(host().logged("persistent grants"), 2u);
  EXPECT_EQ(host().logged("using "), 3u);
}

TEST(DeviceNegotiation, ARefusedFrontendThatCorrectsItselfIsServed) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  bench.frontend("event-channel", "garbage");
  bench.state(HOST_XENBUS_INITIALISED);
  ASSERT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  bench.state(HOST_XENBUS_CLOSED);
  ASSERT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
  bench.state(HOST_XENBUS_INITIALISING);
  EXPECT_TRUE(bench.connect());
  EXPECT_TRUE(works(bench));
}

TEST(DeviceNegotiation, ARefusedFrontendIsNotTriedAgainUntilItsStateChanges) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  bench.frontend("ring-ref", nullptr);
  bench.state(HOST_XENBUS_INITIALISED);
  const size_t complaints = bench.device().errors.size();
  driver_state_changed(bench.driver());
  host().run();
  EXPECT_EQ(bench.device().errors.size(), complaints);
}

}  // namespace
