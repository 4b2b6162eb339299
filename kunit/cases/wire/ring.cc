// SPDX-License-Identifier: GPL-2.0
#include "wire/ring.h"

#include "fake_host/fake_host.h"
#include "request/request.h"
#include "support/expectations.h"
#include "support/guest.h"
#include "support/parsed.h"

namespace {

using blkback::wire::RawSlot;
using blkback::wire::Ring;
using fake::host;
using fake::Visible;
using kunit::ask;
using kunit::Guest;
using kunit::Layout;
using kunit::parse;

#define ATTACH(ring, guest, layout)                                               \
  auto attached = Ring::attach((guest).memory(), (guest).ring_bytes(), (layout)); \
  ASSERT_TRUE(attached.has_value());                                              \
  Ring& ring = *attached

// The number of slots of a ring of `pages` pages; 0 if the ring cannot be attached.
uint32_t size_of(Layout layout, uint32_t pages) {
  Guest guest(layout, pages);
  const auto ring = Ring::attach(guest.memory(), guest.ring_bytes(), layout);
  return ring ? ring->size() : 0;
}

// Sends one request through the ring and answers it.  Do both arrive complete?
bool round_trip(Ring& ring, Guest& guest, Layout layout, uint64_t id) {
  guest.put(ask(BLKIF_OP_READ, id, id * 8, {{.gref = static_cast<uint32_t>(id)}}));
  guest.show();
  if (ring.pending().value_or(0) != 1) return false;
  RawSlot slot;
  ring.take(slot);
  const auto request = kunit::parse(slot, layout);
  if (!request.has_value() || request->key.id != id) return false;
  if (request->sector != id * 8 || request->segments[0].gref != id) return false;
  ring.respond(id, BLKIF_OP_READ, 0);
  (void)ring.push();
  return guest.status_of(id) == BLKIF_RSP_OKAY;
}

// Makes more round trips than there are slots, with the ring's indices starting at `first`.
bool round_trips(Layout layout, uint32_t pages, uint32_t first) {
  Guest guest(layout, pages, first);
  auto ring = Ring::attach(guest.memory(), guest.ring_bytes(), layout);
  if (!ring) return false;
  for (uint32_t i = 1; i <= 2 * ring->size() + 3; ++i) {
    if (!round_trip(*ring, guest, layout, i)) return false;
  }
  return true;
}

TEST(Ring, APageHas32SlotsInEveryLayout) {
  EXPECT_EQ(size_of(Layout::kNative, 1), 32u);
  EXPECT_EQ(size_of(Layout::kX86_32, 1), 32u);
  EXPECT_EQ(size_of(Layout::kX86_64, 1), 32u);
}

TEST(Ring, TheNumberOfSlotsDoublesWithThePages) {
  for (uint32_t order = 0; order <= 4; ++order) {
    EXPECT_EQ(size_of(Layout::kNative, 1u << order), 32u << order);
    EXPECT_EQ(size_of(Layout::kX86_32, 1u << order), 32u << order);
    EXPECT_EQ(size_of(Layout::kX86_64, 1u << order), 32u << order);
  }
}

TEST(Ring, AFreshRingHasNothingPending) {
  Guest guest(Layout::kX86_64);
  ATTACH(ring, guest, Layout::kX86_64);
  EXPECT_EQ(ring.pending().value_or(99), 0u);
  EXPECT_EQ(ring.outstanding(), 0u);
}

TEST(Ring, RequestsAreSeenOnlyWhenTheFrontendShowsThem) {
  Guest guest(Layout::kX86_64);
  ATTACH(ring, guest, Layout::kX86_64);
  guest.put(ask(BLKIF_OP_READ, 1, 0, {}));
  EXPECT_EQ(ring.pending().value_or(99), 0u);
  guest.show();
  EXPECT_EQ(ring.pending().value_or(99), 1u);
}

TEST(Ring, RequestsAreTakenInTheirOrder) {
  Guest guest(Layout::kX86_64);
  ATTACH(ring, guest, Layout::kX86_64);
  for (uint64_t id = 1; id <= 3; ++id) guest.put(ask(BLKIF_OP_READ, id, 0, {{.gref = 1}}));
  guest.show();
  for (uint64_t id = 1; id <= 3; ++id) {
    RawSlot slot;
    ring.take(slot);
    const auto request = parse(slot, Layout::kX86_64);
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->key.id, id);
  }
  EXPECT_EQ(ring.pending().value_or(99), 0u);
  EXPECT_EQ(ring.outstanding(), 3u);
}

TEST(Ring, ASlotIsReadOnceAndWholly) {
  Guest guest(Layout::kX86_32);
  ATTACH(ring, guest, Layout::kX86_32);
  guest.put(ask(BLKIF_OP_READ, 1, 0, {{.gref = 1}}));
  guest.show();
  RawSlot slot;
  ring.take(slot);
  ASSERT_EQ(host().copies.size(), 1u);
  EXPECT_TRUE(host().copies[0].from == guest.slot_at(0));
}

TEST(Ring, NativeRingsWrapAround) {
  EXPECT_TRUE(round_trips(Layout::kNative, 1, 0));
  EXPECT_TRUE(round_trips(Layout::kNative, 4, 0));
}

TEST(Ring, Rings32BitWrapAround) {
  EXPECT_TRUE(round_trips(Layout::kX86_32, 1, 0));
  EXPECT_TRUE(round_trips(Layout::kX86_32, 4, 0));
}

TEST(Ring, Rings64BitWrapAround) {
  EXPECT_TRUE(round_trips(Layout::kX86_64, 1, 0));
  EXPECT_TRUE(round_trips(Layout::kX86_64, 16, 0));
}

TEST(Ring, IndicesWrapAroundAtTwoToThe32) {
  EXPECT_TRUE(round_trips(Layout::kNative, 1, UINT32_MAX - 5));
  EXPECT_TRUE(round_trips(Layout::kX86_32, 1, UINT32_MAX));
  EXPECT_TRUE(round_trips(Layout::kX86_64, 2, UINT32_MAX - 63));
}

TEST(Ring, IndicesMayStartInTheMiddle) {
  EXPECT_TRUE(round_trips(Layout::kX86_64, 1, 17));
  EXPECT_TRUE(round_trips(Layout::kX86_64, 1, 0x80000000u));
}

TEST(Ring, AttachTakesUnansweredRequestsAgain) {
  Guest guest(Layout::kX86_64, 1, 1000);
  for (uint64_t id = 1; id <= 5; ++id) guest.put(ask(BLKIF_OP_READ, id, 0, {{.gref = 1}}));
  guest.show();
  guest.rsp_prod() = 1002;  // an earlier backend answered two requests
  ATTACH(ring, guest, Layout::kX86_64);
  EXPECT_EQ(ring.pending().value_or(99), 3u);
  RawSlot slot;
  ring.take(slot);
  const auto request = parse(slot, Layout::kX86_64);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->key.id, 3u);
}

TEST(Ring, AttachAcceptsAFullRing) {
  Guest guest(Layout::kX86_64, 1, 7);
  guest.req_prod() = 7 + 32;
  ATTACH(ring, guest, Layout::kX86_64);
  EXPECT_EQ(ring.pending().value_or(99), 32u);
}

TEST(Ring, AttachRefusesIndicesFurtherApartThanTheRingIsLong) {
  Guest guest(Layout::kX86_64);
  guest.req_prod() = 33;
  const auto ring = Ring::attach(guest.memory(), guest.ring_bytes(), Layout::kX86_64);
  ASSERT_FALSE(ring.has_value());
  EXPECT_EQ(ring.error().number, -5);
}

TEST(Ring, AttachRefusesAnswersAheadOfRequests) {
  Guest guest(Layout::kX86_64);
  guest.req_prod() = 5;
  guest.rsp_prod() = 6;
  EXPECT_FALSE(Ring::attach(guest.memory(), guest.ring_bytes(), Layout::kX86_64).has_value());
}

TEST(Ring, MoreRequestsThanSlotsAreAnError) {
  Guest guest(Layout::kX86_64);
  ATTACH(ring, guest, Layout::kX86_64);
  guest.req_prod() = 33;
  const auto waiting = ring.pending();
  ASSERT_FALSE(waiting.has_value());
  EXPECT_EQ(waiting.error().number, -13);
  guest.req_prod() = UINT32_MAX;
  EXPECT_FALSE(ring.pending().has_value());
}

TEST(Ring, RequestsThatAreNotAnsweredCountAgainstTheRingsLength) {
  Guest guest(Layout::kX86_64);
  ATTACH(ring, guest, Layout::kX86_64);
  for (uint64_t id = 0; id < 32; ++id) guest.put(ask(BLKIF_OP_READ, id, 0, {{.gref = 1}}));
  guest.show();
  RawSlot slot;
  for (uint32_t i = 0; i < 10; ++i) ring.take(slot);
  EXPECT_EQ(ring.pending().value_or(99), 22u);
  guest.req_prod() = 33;
  EXPECT_FALSE(ring.pending().has_value());
  ring.respond(0, BLKIF_OP_READ, 0);
  EXPECT_EQ(ring.pending().value_or(99), 23u);
}

TEST(Ring, AnIndexMovedBackLeavesNothingToTake) {
  Guest guest(Layout::kX86_64);
  ATTACH(ring, guest, Layout::kX86_64);
  for (uint64_t id = 0; id < 4; ++id) guest.put(ask(BLKIF_OP_READ, id, 0, {{.gref = 1}}));
  guest.show();
  RawSlot slot;
  for (uint32_t i = 0; i < 4; ++i) ring.take(slot);
  guest.req_prod() = 2;
  EXPECT_EQ(ring.pending().value_or(99), 0u);
}

TEST(Ring, ArmAsksForAnEventAtTheNextRequest) {
  Guest guest(Layout::kX86_64, 1, 50);
  ATTACH(ring, guest, Layout::kX86_64);
  guest.req_event() = 0;
  const auto more = ring.arm();
  ASSERT_TRUE(more.has_value());
  EXPECT_FALSE(*more);
  EXPECT_EQ(guest.req_event(), 51u);
}

TEST(Ring, ArmSeesARequestThatComesInBetween) {
  Guest guest(Layout::kX86_64);
  ATTACH(ring, guest, Layout::kX86_64);
  // The frontend reads req_event before the backend has written it, and so sends no event.
  host().at_fence = [&guest] {
    guest.put(ask(BLKIF_OP_READ, 1, 0, {}));
    guest.show();
  };
  EXPECT_TRUE(ring.arm().value_or(false));
}

TEST(Ring, ArmReportsAnImpossibleIndex) {
  Guest guest(Layout::kX86_64);
  ATTACH(ring, guest, Layout::kX86_64);
  host().at_fence = [&guest] { guest.req_prod() = 12345; };
  EXPECT_FALSE(ring.arm().has_value());
}

TEST(Ring, AnAnswerIsSeenOnlyAfterPush) {
  Guest guest(Layout::kX86_64);
  ATTACH(ring, guest, Layout::kX86_64);
  guest.put(ask(BLKIF_OP_READ, 1, 0, {}));
  guest.show();
  RawSlot slot;
  ring.take(slot);
  ring.respond(1, BLKIF_OP_READ, -1);
  EXPECT_EQ(guest.rsp_prod(), 0u);
  EXPECT_TRUE(ring.push());
  EXPECT_EQ(guest.rsp_prod(), 1u);
  EXPECT_EQ(guest.status_of(1), BLKIF_RSP_ERROR);
  EXPECT_EQ(guest.operation_of(1), BLKIF_OP_READ);
}

TEST(Ring, AnAnswerLeavesThePaddingOfItsSlotAlone) {
  host().change_after_read = false;
  Guest guest(Layout::kX86_64);
  ATTACH(ring, guest, Layout::kX86_64);
  guest.put(ask(BLKIF_OP_READ, 1, 0, {}));
  guest.show();
  RawSlot slot;
  ring.take(slot);
  uint8_t before[112];
  for (uint32_t i = 0; i < 112; ++i) before[i] = guest.slot_at(0)[i];
  ring.respond(0xffffffffffffffffu, 0xff, -1);
  EXPECT_EQ(guest.slot_at(0)[9], before[9]);
  for (uint32_t i = 12; i < 112; ++i) EXPECT_EQ(guest.slot_at(0)[i], before[i]);
}

TEST(Ring, PushWithoutAnswersWritesNothing) {
  Guest guest(Layout::kX86_64);
  ATTACH(ring, guest, Layout::kX86_64);
  EXPECT_FALSE(ring.push());
  EXPECT_TRUE(host().visible.empty());
}

TEST(Ring, PushWritesOneIndexForManyAnswers) {
  Guest guest(Layout::kX86_64);
  ATTACH(ring, guest, Layout::kX86_64);
  for (uint64_t id = 1; id <= 3; ++id) guest.put(ask(BLKIF_OP_READ, id, 0, {}));
  guest.show();
  RawSlot slot;
  for (uint64_t id = 1; id <= 3; ++id) {
    ring.take(slot);
    ring.respond(id, BLKIF_OP_READ, 0);
  }
  (void)ring.push();
  EXPECT_EQ(host().seen(Visible::kResponse), 3u);
  EXPECT_EQ(host().seen(Visible::kIndex), 1u);
  EXPECT_TRUE(host().visible.back() == Visible::kIndex);
}

// Answers three requests at once while rsp_event is `event`; is the frontend to
// be notified?
bool notified(uint32_t first, uint32_t event) {
  Guest guest(Layout::kX86_64, 1, first);
  auto ring = Ring::attach(guest.memory(), guest.ring_bytes(), Layout::kX86_64);
  for (uint64_t id = 1; id <= 3; ++id) guest.put(ask(BLKIF_OP_READ, id, 0, {}));
  guest.show();
  guest.rsp_event() = event;
  RawSlot slot;
  for (uint64_t id = 1; id <= 3; ++id) {
    ring->take(slot);
    ring->respond(id, BLKIF_OP_READ, 0);
  }
  return ring->push();
}

TEST(Ring, NotifiesWhenTheEventIndexLiesAmongTheAnswers) {
  EXPECT_FALSE(notified(100, 100));
  EXPECT_TRUE(notified(100, 101));
  EXPECT_TRUE(notified(100, 102));
  EXPECT_TRUE(notified(100, 103));
  EXPECT_FALSE(notified(100, 104));
}

TEST(Ring, NotifiesAcrossTwoToThe32) {
  EXPECT_FALSE(notified(UINT32_MAX - 1, UINT32_MAX - 1));
  EXPECT_TRUE(notified(UINT32_MAX - 1, UINT32_MAX));
  EXPECT_TRUE(notified(UINT32_MAX - 1, 0));
  EXPECT_TRUE(notified(UINT32_MAX - 1, 1));
  EXPECT_FALSE(notified(UINT32_MAX - 1, 2));
}

TEST(Ring, LooksAtTheEventIndexAfterTheAnswersAreShown) {
  Guest guest(Layout::kX86_64);
  ATTACH(ring, guest, Layout::kX86_64);
  guest.put(ask(BLKIF_OP_READ, 1, 0, {}));
  guest.show();
  guest.rsp_event() = 50;
  RawSlot slot;
  ring.take(slot);
  ring.respond(1, BLKIF_OP_READ, 0);
  // The frontend asks for an event after rsp_prod is written and before rsp_event is read.
  host().at_fence = [&guest] { guest.rsp_event() = 1; };
  EXPECT_TRUE(ring.push());
}

}  // namespace
