// SPDX-License-Identifier: GPL-2.0
// The duty to answer, and the mistakes of the driver that it notices.
#include "queue/responder.h"

#include <utility>

#include "fake_host/fake_host.h"
#include "support/expectations.h"
#include "support/guest.h"

namespace {

using blkback::AnswerDuty;
using blkback::Responder;
using blkback::Status;
using blkback::wire::RawSlot;
using blkback::wire::Ring;
using fake::host;
using kunit::ask;
using kunit::Guest;
using kunit::Layout;

// A ring from which two requests were taken.
struct Bench {
  Bench() {
    guest.put(ask(BLKIF_OP_READ, 1, 0, {}));
    guest.put(ask(BLKIF_OP_WRITE, 2, 0, {}));
    guest.show();
    if (auto attached = Ring::attach(guest.memory(), guest.ring_bytes(), Layout::kX86_64)) {
      ring = *attached;
    }
    RawSlot slot;
    ring.take(slot);
    ring.take(slot);
  }

  Guest guest{Layout::kX86_64, 1};
  Ring ring;
  blkback::Counter errors;
  blkback::LogLimits limits;
  Responder responder{ring, errors, {"7.xvda-0", limits}};
};

TEST(Responder, AnAnswerIsSeenAfterThePush) {
  Bench bench;
  bench.responder.answer(AnswerDuty(bench.responder, {1, BLKIF_OP_READ}), Status::kOkay);
  bench.responder.answer(AnswerDuty(bench.responder, {2, BLKIF_OP_WRITE}), Status::kError);
  EXPECT_EQ(bench.guest.status_of(1), Guest::kNoAnswer);
  EXPECT_TRUE(bench.responder.push());
  EXPECT_EQ(bench.guest.status_of(1), BLKIF_RSP_OKAY);
  EXPECT_EQ(bench.guest.status_of(2), BLKIF_RSP_ERROR);
  EXPECT_FALSE(bench.responder.push());
  EXPECT_EQ(bench.errors.get(), 1u);
  EXPECT_EQ(bench.responder.mistakes().get(), 0u);
}

TEST(Responder, ADutyThatIsDroppedIsAnsweredWithAnError) {
  Bench bench;
  {
    const AnswerDuty duty(bench.responder, {1, BLKIF_OP_READ});
  }
  EXPECT_EQ(bench.responder.mistakes().get(), 1u);
  AnswerDuty second(bench.responder, {2, BLKIF_OP_WRITE});
  second = AnswerDuty();
  EXPECT_TRUE(bench.responder.push());
  EXPECT_EQ(bench.guest.status_of(1), BLKIF_RSP_ERROR);
  EXPECT_EQ(bench.guest.status_of(2), BLKIF_RSP_ERROR);
  EXPECT_EQ(bench.responder.mistakes().get(), 2u);
  EXPECT_EQ(host().logged("7.xvda-0: a request was dropped", HOST_LOG_ERROR), 2u);
}

TEST(Responder, ASecondAnswerIsNotGiven) {
  Bench bench;
  AnswerDuty duty(bench.responder, {1, BLKIF_OP_READ});
  bench.responder.answer(std::move(duty), Status::kOkay);
  // NOLINTNEXTLINE(bugprone-use-after-move): the mistake
  bench.responder.answer(std::move(duty), Status::kError);
  EXPECT_EQ(bench.ring.written(), 1u);
  EXPECT_EQ(bench.responder.mistakes().get(), 1u);
  EXPECT_EQ(bench.errors.get(), 0u);
  EXPECT_EQ(host().logged("a request was answered twice", HOST_LOG_ERROR), 1u);
}

TEST(Responder, ADutyMovesToOneOwner) {
  Bench bench;
  AnswerDuty duty(bench.responder, {1, BLKIF_OP_READ});
  AnswerDuty& same = duty;
  duty = std::move(same);
  AnswerDuty owner;
  owner = std::move(duty);
  EXPECT_EQ(owner.id(), 1u);
  EXPECT_EQ(owner.operation(), BLKIF_OP_READ);
  EXPECT_EQ(bench.responder.mistakes().get(), 0u);
  bench.responder.answer(std::move(owner), Status::kOkay);
  EXPECT_EQ(bench.ring.written(), 1u);
}

}  // namespace
