// SPDX-License-Identifier: GPL-2.0
// An offer to a frontend holds until the frontend starts over, even if another module replaces this
// one meanwhile.
#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;

bool works(DeviceFixture& bench, uint32_t queue = 0) {
  const uint32_t gref = bench.guest(queue).grant();
  bench.guest(queue).send(ask(BLKIF_OP_READ, 12345, 0, {{gref}}));
  host().run();
  return bench.guest(queue).status_of(12345) == BLKIF_RSP_OKAY;
}

TEST(DeviceOffer, AFrontendKeepsTheQueuesThatItWasOffered) {
  DeviceFixture bench({.queues = 4});
  ASSERT_TRUE(bench.connect());
  bench.state(HOST_XENBUS_CONNECTED);
  host().parameters.max_queues = 2;
  ASSERT_EQ(bench.rebind(), 0);
  ASSERT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  for (uint32_t i = 0; i < 4; ++i) EXPECT_TRUE(works(bench, i));
  // The offered limit is still published, so another module can take over, too.
  EXPECT_TRUE(bench.published("multi-queue-max-queues", "4"));
  ASSERT_EQ(bench.rebind(), 0);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
}

TEST(DeviceOffer, AFrontendKeepsTheRingsThatItWasOffered) {
  DeviceFixture bench({.ring_order = 4});
  ASSERT_TRUE(bench.connect());
  bench.state(HOST_XENBUS_CONNECTED);
  host().parameters.max_ring_page_order = 0;
  ASSERT_EQ(bench.rebind(), 0);
  ASSERT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  EXPECT_TRUE(works(bench));
}

TEST(DeviceOffer, AFreshFrontendIsOfferedWhatTheParametersAllowNow) {
  DeviceFixture bench({.queues = 4, .ring_order = 1});
  ASSERT_TRUE(bench.connect());
  host().parameters.max_queues = 2;
  host().parameters.max_ring_page_order = 0;
  ASSERT_TRUE(bench.disconnect());
  bench.renew_rings();
  bench.state(HOST_XENBUS_INITIALISING);
  ASSERT_EQ(bench.backend_state(), HOST_XENBUS_INIT_WAIT);
  EXPECT_TRUE(bench.published("multi-queue-max-queues", "2"));
  EXPECT_TRUE(bench.published("max-ring-page-order", "0"));
  bench.offer();
  bench.state(HOST_XENBUS_INITIALISED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  EXPECT_TRUE(bench.complained("multi-queue-num-queues is '4'"));
}

TEST(DeviceOffer, ALoweredParameterBreaksNoPromise) {
  DeviceFixture bench({.queues = 4});
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  host().parameters.max_queues = 1;
  bench.state(HOST_XENBUS_INITIALISED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
}

TEST(DeviceOffer, AFrontendGetsNoMoreThanItWasOffered) {
  host().parameters.max_queues = 2;
  DeviceFixture bench({.queues = 3});
  ASSERT_EQ(bench.probe(), 0);
  bench.offer();
  host().parameters.max_queues = 4;
  bench.state(HOST_XENBUS_INITIALISED);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  EXPECT_TRUE(bench.complained("multi-queue-num-queues is '3': expected a number from 1 to 2"));
}

// Only the toolstack can have written these values.  A value that no module can have offered is not
// taken for an offer.
TEST(DeviceOffer, WhatNoModuleOfferedIsNotHonoured) {
  for (const char* value : {"4294967295", "garbage", "-1", "", "99999999999999999"}) {
    DeviceFixture bench;
    bench.device().backend["multi-queue-max-queues"] = value;
    bench.device().backend["max-ring-page-order"] = value;
    ASSERT_EQ(bench.probe(), 0);
    const std::string& queues = bench.device().backend["multi-queue-max-queues"];
    const std::string& order = bench.device().backend["max-ring-page-order"];
    EXPECT_TRUE(queues == "4" || queues == "1024");
    EXPECT_TRUE(order == "4");
  }
}

// Such a frontend expects the backend to unmap each grant: one that stayed mapped would break it.
TEST(DeviceOffer, AFrontendThatWasNotOfferedPersistentGrantsGetsNone) {
  host().parameters.feature_persistent = 0;
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.state(HOST_XENBUS_CONNECTED);
  EXPECT_TRUE(works(bench));
  EXPECT_EQ(bench.guest().all_mappings(), 0u);
  host().parameters.feature_persistent = 1;
  for (uint32_t swaps = 0; swaps < 2; ++swaps) {
    ASSERT_EQ(bench.rebind(), 0);
    ASSERT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
    EXPECT_TRUE(works(bench));
    EXPECT_EQ(bench.guest().all_mappings(), 0u);
    EXPECT_TRUE(bench.published("feature-persistent", "0"));
  }
  // A frontend that starts over is offered persistent grants.
  ASSERT_TRUE(bench.disconnect());
  bench.renew_rings();
  bench.state(HOST_XENBUS_INITIALISING);
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(bench.published("feature-persistent", "1"));
}

TEST(DeviceOffer, AFrontendThatWasOfferedPersistentGrantsMayDoWithout) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.state(HOST_XENBUS_CONNECTED);
  host().parameters.feature_persistent = 0;
  ASSERT_EQ(bench.rebind(), 0);
  ASSERT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
  EXPECT_TRUE(works(bench));
  EXPECT_EQ(bench.guest().all_mappings(), 0u);
}

}  // namespace
