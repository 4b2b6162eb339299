// SPDX-License-Identifier: GPL-2.0
// Many requests at once: which actions a batch does only once, and in which order.
#include "support/device_fixture.h"
#include "support/expectations.h"

namespace {

using fake::host;
using fake::Visible;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::Guest;
using kunit::Layout;

// Shows `count` reads of one page each at once, with ids from 1, and runs nothing.  Returns the
// first grant reference.
uint32_t send_reads(Guest& guest, uint32_t count) {
  const uint32_t gref = guest.grants(count);
  for (uint32_t i = 0; i < count; ++i) {
    guest.put(ask(BLKIF_OP_READ, i + 1, i * 8, {{gref + i}}));
  }
  guest.show();
  guest.kick();
  return gref;
}

// The positions in Host::visible of the first and of the last action of a kind.
size_t first_of(Visible what) {
  size_t at = 0;
  while (at < host().visible.size() && host().visible[at] != what) ++at;
  return at;
}
size_t last_of(Visible what) {
  size_t at = host().visible.size();
  while (at > 0 && host().visible[at - 1] != what) --at;
  return at - 1;
}

// A connected device.  The host's records of visible actions and of hypercalls are empty.
class Quiet : public DeviceFixture {
 public:
  explicit Quiet(const kunit::DeviceSetup& setup = {}) : DeviceFixture(setup) {
    connected = connect();
    host().visible.clear();
    host().map_calls.clear();
    host().unmap_calls.clear();
    host().notifications = 0;
  }
  bool connected;
};

TEST(QueueBatch, ABatchIsMappedWithOneHypercall) {
  Quiet bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  (void)send_reads(bench.guest(), 20);
  host().run();
  ASSERT_EQ(host().map_calls.size(), 1u);
  EXPECT_EQ(host().map_calls[0], 20u);
}

TEST(QueueBatch, ABatchIsSubmittedTogether) {
  Quiet bench;
  ASSERT_TRUE(bench.connected);
  (void)send_reads(bench.guest(), 20);
  host().run();
  ASSERT_EQ(host().submissions.size(), 1u);
  EXPECT_EQ(host().submissions[0], 20u);
}

TEST(QueueBatch, ABatchIsUnmappedWithOneHypercall) {
  Quiet bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  (void)send_reads(bench.guest(), 20);
  host().run();
  ASSERT_EQ(host().unmap_calls.size(), 1u);
  EXPECT_EQ(host().unmap_calls[0], 20u);
  EXPECT_EQ(bench.guest().all_mappings(), 0u);
}

TEST(QueueBatch, ABatchIsShownWithOneIndexAndOneNotification) {
  Quiet bench;
  ASSERT_TRUE(bench.connected);
  (void)send_reads(bench.guest(), 20);
  host().run();
  EXPECT_EQ(host().seen(Visible::kResponse), 20u);
  EXPECT_EQ(host().seen(Visible::kIndex), 1u);
  EXPECT_EQ(host().notifications, 1u);
  EXPECT_EQ(bench.guest().answers(), 20u);
}

TEST(QueueBatch, AnswersAreCompleteBeforeTheyAreShownAndShownBeforeTheEvent) {
  Quiet bench;
  ASSERT_TRUE(bench.connected);
  (void)send_reads(bench.guest(), 5);
  host().run();
  EXPECT_LT(last_of(Visible::kResponse), first_of(Visible::kIndex));
  EXPECT_LT(last_of(Visible::kIndex), first_of(Visible::kNotify));
}

TEST(QueueBatch, GrantsAreUnmappedBeforeTheFirstAnswerIsWritten) {
  Quiet bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  (void)send_reads(bench.guest(), 5);
  host().run();
  EXPECT_LT(first_of(Visible::kMap), first_of(Visible::kSubmit));
  EXPECT_LT(last_of(Visible::kSubmit), first_of(Visible::kUnmap));
  EXPECT_LT(last_of(Visible::kUnmap), first_of(Visible::kResponse));
}

TEST(QueueBatch, AWholeRingIsServed) {
  Quiet bench;
  ASSERT_TRUE(bench.connected);
  (void)send_reads(bench.guest(), 32);
  host().run();
  EXPECT_EQ(bench.guest().answers(), 32u);
}

TEST(QueueBatch, ALargeRingIsServedInSeveralBatchesAndNothingIsLost) {
  Quiet bench({.ring_order = 4, .persistent = false});
  ASSERT_TRUE(bench.connected);
  ASSERT_EQ(bench.guest().slots(), 512u);
  host().hold_io = true;
  (void)send_reads(bench.guest(), 512);
  host().run();
  EXPECT_LE(host().map_calls.size(), 5u);
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.guest().answers(), 512u);
  EXPECT_EQ(bench.guest().all_mappings(), 0u);
}

TEST(QueueBatch, ADiskThatIsDoneAtOnceGetsSmallBatchesAndNothingIsLost) {
  Quiet bench({.ring_order = 4, .persistent = false});
  ASSERT_TRUE(bench.connected);
  (void)send_reads(bench.guest(), 512);
  host().run();
  EXPECT_EQ(bench.guest().answers(), 512u);
  EXPECT_EQ(bench.guest().all_mappings(), 0u);
  // The first responses are visible before the last requests are taken.
  EXPECT_GT(host().seen(Visible::kIndex), 5u);
}

TEST(QueueBatch, ARingOfTheLargestRequestsIsServed) {
  Quiet bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  Guest& guest = bench.guest();
  for (uint32_t i = 0; i < 32; ++i) {
    const uint32_t gref = guest.grants(11);
    kunit::RawRequest request = ask(BLKIF_OP_READ, i + 1, 0, {});
    request.count = 11;
    for (uint32_t s = 0; s < 11; ++s) request.parts[s] = {gref + s};
    guest.put(request);
  }
  guest.show();
  guest.kick();
  host().run();
  EXPECT_EQ(guest.answers(), 32u);
  ASSERT_EQ(host().map_calls.size(), 1u);
  EXPECT_EQ(host().map_calls[0], 352u);
}

TEST(QueueBatch, OneHypercallMapsUpTo352GrantsOfWholeRequests) {
  Quiet bench({.ring_order = 1, .persistent = false});
  ASSERT_TRUE(bench.connected);
  Guest& guest = bench.guest();
  for (uint32_t id = 0; id < 35; ++id) {
    const uint32_t gref = guest.grants(11);
    kunit::RawRequest request = ask(BLKIF_OP_READ, id, 0, {});
    request.count = id == 31 ? 10 : 11;
    for (uint32_t i = 0; i < 11; ++i) request.parts[i].gref = gref + i;
    guest.put(request);
  }
  guest.show();
  guest.kick();
  host().run();
  // The 32nd request leaves room for one grant, and the 33rd request does not fit.
  ASSERT_EQ(host().map_calls.size(), 2u);
  EXPECT_EQ(host().map_calls[0], 31u * 11 + 10);
  EXPECT_EQ(host().map_calls[1], 3u * 11);
  EXPECT_EQ(guest.answers(), 35u);
}

TEST(QueueBatch, AFrontendThatDoesNotAskIsNotNotified) {
  Quiet bench;
  ASSERT_TRUE(bench.connected);
  bench.guest().rsp_event() = 1000;
  (void)send_reads(bench.guest(), 3);
  host().run();
  EXPECT_EQ(host().seen(Visible::kIndex), 1u);
  EXPECT_EQ(host().notifications, 0u);
}

TEST(QueueBatch, ARequestThatComesDuringThePassIsServedWithoutAnEvent) {
  Quiet bench;
  ASSERT_TRUE(bench.connected);
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(2);
  guest.put(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  guest.show();
  guest.kick();
  bool sent = false;
  host().at_fence = [&] {
    if (sent) return;
    sent = true;
    guest.put(ask(BLKIF_OP_READ, 2, 0, {{gref + 1}}));
    guest.show();
  };
  host().run();
  EXPECT_EQ(guest.status_of(2), BLKIF_RSP_OKAY);
}

TEST(QueueBatch, ThePassEndsByAskingForTheNextEvent) {
  Quiet bench;
  ASSERT_TRUE(bench.connected);
  (void)send_reads(bench.guest(), 3);
  host().run();
  EXPECT_EQ(bench.guest().req_event(), bench.guest().req_prod() + 1);
}

TEST(QueueBatch, IosThatEndInAnotherOrderAreAnsweredInThatOrder) {
  Quiet bench;
  ASSERT_TRUE(bench.connected);
  host().hold_io = true;
  (void)send_reads(bench.guest(), 3);
  host().run();
  ASSERT_EQ(host().held.size(), 3u);
  EXPECT_EQ(bench.guest().answers(), 0u);
  host().complete(2);
  host().complete(0);
  host().run();
  ASSERT_EQ(bench.guest().answers(), 2u);
  EXPECT_EQ(bench.guest().answered_id(0), 3u);
  EXPECT_EQ(bench.guest().answered_id(1), 1u);
  host().complete(0);
  host().run();
  EXPECT_EQ(bench.guest().status_of(2), BLKIF_RSP_OKAY);
}

TEST(QueueBatch, OneFailedIoFailsOnlyItsOwnRequest) {
  Quiet bench;
  ASSERT_TRUE(bench.connected);
  host().hold_io = true;
  (void)send_reads(bench.guest(), 3);
  host().run();
  host().complete(1, -5);
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.guest().status_of(2), BLKIF_RSP_ERROR);
  EXPECT_EQ(bench.guest().status_of(3), BLKIF_RSP_OKAY);
}

TEST(QueueBatch, AnswersGoOutWhileOtherIosAreInFlight) {
  Quiet bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  host().hold_io = true;
  const uint32_t gref = send_reads(bench.guest(), 3);
  host().run();
  host().complete(1);
  host().run();
  EXPECT_EQ(bench.guest().answers(), 1u);
  EXPECT_EQ(bench.guest().mappings(gref + 1), 0u);
  EXPECT_EQ(bench.guest().mappings(gref), 1u);
  host().complete_all();
  host().run();
}

TEST(QueueBatch, NewRequestsAreServedWhileOthersAreInFlight) {
  Quiet bench;
  ASSERT_TRUE(bench.connected);
  host().hold_io = true;
  (void)send_reads(bench.guest(), 31);
  host().run();
  host().hold_io = false;
  bench.guest().send(ask(BLKIF_OP_FLUSH_DISKCACHE, 77, 0, {}));
  host().run();
  EXPECT_EQ(bench.guest().status_of(77), BLKIF_RSP_OKAY);
  host().complete_all();
  host().run();
  EXPECT_EQ(bench.guest().answers(), 32u);
}

TEST(QueueBatch, RefusedAndServedRequestsShareOnePush) {
  Quiet bench;
  ASSERT_TRUE(bench.connected);
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grants(2);
  guest.put(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  guest.put(ask(99, 2, 0, {}));
  guest.put(ask(BLKIF_OP_READ, 3, 0, {{4000000000u}}));
  guest.put(ask(BLKIF_OP_READ, 4, 9999999, {{gref + 1}}));
  guest.put(ask(BLKIF_OP_WRITE, 5, 0, {{gref + 1}}));
  guest.show();
  guest.kick();
  host().run();
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(guest.status_of(2), BLKIF_RSP_EOPNOTSUPP);
  EXPECT_EQ(guest.status_of(3), BLKIF_RSP_ERROR);
  EXPECT_EQ(guest.status_of(4), BLKIF_RSP_ERROR);
  EXPECT_EQ(guest.status_of(5), BLKIF_RSP_OKAY);
  EXPECT_EQ(guest.answers(), 5u);
  EXPECT_EQ(host().seen(Visible::kIndex), 1u);
}

TEST(QueueBatch, ARingWrapsAroundManyTimes) {
  Quiet bench({.layout = Layout::kX86_32, .first_index = UINT32_MAX - 100});
  ASSERT_TRUE(bench.connected);
  const uint32_t gref = bench.guest().grants(5);
  uint64_t id = 0;
  for (uint32_t round = 0; round < 60; ++round) {
    for (uint32_t i = 0; i < 5; ++i) {
      bench.guest().send(ask(BLKIF_OP_READ, ++id, 0, {{gref + i}}));
    }
    host().run();
    bench.guest().read_answers();
  }
  EXPECT_EQ(bench.guest().answers(), 300u);
  for (uint64_t i = 1; i <= id; ++i) EXPECT_EQ(bench.guest().status_of(i), BLKIF_RSP_OKAY);
}

TEST(QueueBatch, RequestsThatStoodInTheRingBeforeTheConnectionAreServed) {
  DeviceFixture bench;
  Guest& guest = bench.guest();
  const uint32_t gref = guest.grant();
  guest.put(ask(BLKIF_OP_READ, 1, 0, {{gref}}));
  guest.show();
  ASSERT_TRUE(bench.connect());
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_OKAY);
}

}  // namespace
