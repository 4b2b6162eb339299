// SPDX-License-Identifier: GPL-2.0
// The node "io-cgroup": the cgroup that a device's I/O is charged to.
#include <cerrno>
#include <string>

#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DeviceFixture;

// Sends a read, a write, a flush and a discard.  Returns false when any of them failed.
bool works(DeviceFixture& bench) {
  kunit::Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(2);
  host().ios.clear();
  guest.put(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  guest.put(ask(BLKIF_OP_WRITE, 2, 8, {{gref + 1}}));
  guest.put(ask(BLKIF_OP_FLUSH_DISKCACHE, 3, 0, {}));
  guest.put(kunit::DiscardAsk{.id = 4, .sector = 64, .sectors = 8});
  guest.show();
  guest.kick();
  host().run();
  bool good = host().ios.size() == 4;
  for (uint64_t id = 1; id <= 4; ++id) good = good && guest.status_of(id) == BLKIF_RSP_OKAY;
  return good;
}

bool all_charged_to(const char* group) {
  for (const auto& io : host().ios) {
    if (io.charged != group) return false;
  }
  return true;
}

void prepare_disk() {
  host().geometry.max_discard_sectors = 64;
  host().geometry.discard_granularity_bytes = 4096;
}

TEST(DeviceCharge, WithoutTheNodeTheThreadsAreCharged) {
  prepare_disk();
  for (const char* empty : {static_cast<const char*>(nullptr), "", " \n"}) {
    DeviceFixture bench;
    bench.backend("io-cgroup", empty);
    ASSERT_TRUE(bench.connect());
    EXPECT_TRUE(works(bench));
    EXPECT_TRUE(all_charged_to(""));
    EXPECT_EQ(host().logged("cgroup"), 0u);
  }
}

TEST(DeviceCharge, EveryKindOfIoIsChargedToTheGroup) {
  prepare_disk();
  host().groups["/guests/web"] = 0;
  DeviceFixture bench;
  bench.backend("io-cgroup", "/guests/web");
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(works(bench));
  EXPECT_TRUE(all_charged_to("/guests/web"));
  EXPECT_EQ(host().logged("I/O is charged to the cgroup /guests/web"), 1u);
}

TEST(DeviceCharge, BlanksAroundThePathAreForgiven) {
  prepare_disk();
  host().groups["guests/my web"] = 0;
  DeviceFixture bench;
  bench.backend("io-cgroup", " guests/my web\n");
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(works(bench));
  EXPECT_TRUE(all_charged_to("guests/my web"));
}

TEST(DeviceCharge, TheNodeIsReadAtEachConnect) {
  prepare_disk();
  host().groups = {{"a", 0}, {"b", 0}};
  DeviceFixture bench;
  const auto comes_back = [&bench](const char* group) {
    if (!bench.disconnect()) return false;
    bench.backend("io-cgroup", group);
    bench.renew_rings();
    bench.state(HOST_XENBUS_INITIALISING);
    return bench.connect() && works(bench);
  };
  bench.backend("io-cgroup", "a");
  ASSERT_TRUE(bench.connect());
  bench.backend("io-cgroup", "b");
  EXPECT_TRUE(works(bench));
  EXPECT_TRUE(all_charged_to("a"));
  EXPECT_TRUE(comes_back("b"));
  EXPECT_TRUE(all_charged_to("b"));
  EXPECT_TRUE(comes_back("gone"));
  EXPECT_TRUE(all_charged_to(""));
  EXPECT_TRUE(comes_back("a"));
  EXPECT_TRUE(all_charged_to("a"));
  EXPECT_TRUE(comes_back(nullptr));
  EXPECT_TRUE(all_charged_to(""));
}

TEST(DeviceCharge, AGroupThatCannotBeChargedIsLoggedAndTheGuestServed) {
  prepare_disk();
  const struct {
    int error;
    const char* reason;
  } kReasons[] = {{-ENOENT, "io-cgroup is 'web': there is no such cgroup"},
                  {-ENXIO, "io-cgroup is 'web': that cgroup has no io controller"},
                  {-EOPNOTSUPP, "io-cgroup is 'web': not supported"},
                  {-ENOTDIR, "io-cgroup is 'web': that cgroup cannot be used (error -20)"}};
  for (const auto& entry : kReasons) {
    host().log.clear();
    host().groups["web"] = entry.error;
    DeviceFixture bench;
    bench.backend("io-cgroup", "web");
    ASSERT_TRUE(bench.connect());
    EXPECT_TRUE(works(bench));
    EXPECT_TRUE(all_charged_to(""));
    EXPECT_EQ(host().logged(entry.reason, HOST_LOG_WARNING), 1u);
    EXPECT_TRUE(bench.device().errors.empty());
  }
}

TEST(DeviceCharge, APathThatIsTooLongIsLoggedAndTheGuestServed) {
  prepare_disk();
  DeviceFixture bench;
  bench.backend("io-cgroup", std::string(300, 'x').c_str());
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(works(bench));
  EXPECT_EQ(host().logged("that is too long"), 1u);
}

TEST(DeviceCharge, ANodeThatCannotBeReadIsLoggedAndTheGuestServed) {
  for (const int error : {-EAGAIN, -EIO, -ENOMEM}) {
    host().log.clear();
    host().groups["web"] = 0;
    uint32_t failures = 0;
    for (uint32_t n = 1; n < 60 && failures == 0; ++n) {
      DeviceFixture bench;
      bench.backend("io-cgroup", "web");
      ASSERT_EQ(bench.probe(), 0);
      bench.offer();
      host().errors["host_store_read"] = error;
      host().fail_call = n;
      bench.state(HOST_XENBUS_INITIALISED);
      host().fail_call = 0;
      failures = host().logged("io-cgroup is ''");
      if (failures != 0) {
        EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CONNECTED);
      }
    }
    EXPECT_EQ(failures, 1u);
  }
}

// What a guest writes into its own directory chooses no group.
TEST(DeviceCharge, TheFrontendChoosesNoGroup) {
  prepare_disk();
  host().groups["web"] = 0;
  DeviceFixture bench;
  bench.frontend("io-cgroup", "web");
  ASSERT_TRUE(bench.connect());
  EXPECT_TRUE(works(bench));
  EXPECT_TRUE(all_charged_to(""));
}

}  // namespace
