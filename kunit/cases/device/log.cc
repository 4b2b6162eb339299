// SPDX-License-Identifier: GPL-2.0
// Which lines of the log share a limit, and which do not.
#include <string_view>

#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;

// The limit of the last line that contains `part`.
const host_log_limit* limit_of(std::string_view part) {
  const host_log_limit* limit = nullptr;
  for (const auto& line : host().log) {
    if (line.text.find(part) != std::string::npos) limit = line.limit;
  }
  return limit;
}

void send_nonsense(DeviceFixture& bench, uint32_t queue = 0) {
  bench.guest(queue).put(ask(99, 1, 0, {}));
  bench.guest(queue).show();
  bench.guest(queue).kick();
  host().run();
}

TEST(DeviceLog, OneGuestsLinesDoNotSilenceAnothers) {
  DeviceFixture one({.domid = 7});
  DeviceFixture other({.domid = 8});
  ASSERT_TRUE(one.connect());
  ASSERT_TRUE(other.connect());
  send_nonsense(one);
  send_nonsense(other);
  EXPECT_TRUE(limit_of("7.xvda-0: request with operation 99") != nullptr);
  EXPECT_TRUE(limit_of("8.xvda-0: request with operation 99") != nullptr);
  EXPECT_TRUE(limit_of("7.xvda-0: request") != limit_of("8.xvda-0: request"));
}

TEST(DeviceLog, AllRingsOfADeviceShareTheirLimits) {
  DeviceFixture bench({.queues = 2});
  ASSERT_TRUE(bench.connect());
  send_nonsense(bench, 0);
  send_nonsense(bench, 1);
  EXPECT_TRUE(limit_of("7.xvda-0: request") != nullptr);
  EXPECT_TRUE(limit_of("7.xvda-0: request") == limit_of("7.xvda-1: request"));
}

TEST(DeviceLog, ANewConnectionDoesNotRenewTheLimits) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  send_nonsense(bench);
  const host_log_limit* refused = limit_of("request with operation 99");
  const host_log_limit* life = limit_of("using 1 queues");
  ASSERT_TRUE(bench.disconnect());
  host().log.clear();
  bench.renew_rings();
  bench.state(HOST_XENBUS_INITIALISING);
  ASSERT_TRUE(bench.connect());
  send_nonsense(bench);
  EXPECT_TRUE(refused != nullptr && limit_of("request with operation 99") == refused);
  EXPECT_TRUE(life != nullptr && limit_of("using 1 queues") == life);
}

TEST(DeviceLog, WhatAGuestFloodsHidesNoOtherKindOfItsLines) {
  DeviceFixture bench({.persistent = false});
  ASSERT_TRUE(bench.connect());
  send_nonsense(bench);
  host().io_error = -5;
  const uint32_t gref = bench.guest().grants(2);
  bench.guest().send(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  bench.guest().send(ask(BLKIF_OP_FLUSH_DISKCACHE, 2, 0, {}));
  host().run();
  host().io_error = 0;
  bench.guest().send(ask(BLKIF_OP_READ, 3, 0, {{4000000000u}}));
  host().run();
  const host_log_limit* const limits[] = {
      limit_of("using 1 queues"), limit_of("operation 99 refused"), limit_of("sector 0: error -5"),
      limit_of("a flush failed"), limit_of("could not be mapped"),
  };
  for (const host_log_limit* const& one : limits) {
    EXPECT_TRUE(one != nullptr);
    for (const host_log_limit* const& other : limits) {
      EXPECT_TRUE(&one == &other || one != other);
    }
  }
}

}  // namespace
