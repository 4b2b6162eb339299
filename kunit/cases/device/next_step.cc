// SPDX-License-Identifier: GPL-2.0
// The table of the state machine: every state of the backend and of the frontend, with and without
// a connection, drained or not, failed or not, restarted or not.
#include "device/next_step.h"

#include <vector>

#include "support/expectations.h"
#include "support/sweep.h"

namespace {

using blkback::Link;
using blkback::next_step;
using blkback::Situation;
using blkback::Step;

constexpr uint32_t kFrontends = 10;  // states 0 to 9: xenbus knows 0 to 8
constexpr uint32_t kOwns = 9;

std::vector<Situation> all_situations() {
  std::vector<Situation> all;
  for (uint32_t frontend = 0; frontend <= kFrontends; ++frontend) {
    for (uint32_t own = 0; own < kOwns; ++own) {
      for (const Link link : {Link::kNone, Link::kOpen, Link::kDraining}) {
        for (uint32_t bits = 0; bits < 4; ++bits) {
          // kFrontends stands for a frontend that was not seen yet.
          all.push_back({.frontend_seen = frontend != kFrontends,
                         .frontend = frontend == kFrontends ? 0 : frontend,
                         .own = static_cast<host_xenbus_state>(own),
                         .link = link,
                         .failed = (bits & 1) != 0,
                         .restarted = (bits & 2) != 0});
        }
      }
    }
  }
  return all;
}

// The situation after a step.  `drains`: the disk has ended its I/O when the next step is chosen.
// `fails`: a step that can fail does fail.
Situation after(Situation now, Step step, bool drains, bool fails) {
  switch (step) {
    case Step::kNone:
      break;
    case Step::kRefuse:
      now.failed = true;
      break;
    case Step::kDrain:
      now.link = Link::kDraining;
      break;
    case Step::kConnect:
      now.failed = fails;
      now.link = fails ? Link::kNone : Link::kOpen;
      now.restarted = false;
      break;
    case Step::kInitWait:
      now.own = HOST_XENBUS_INIT_WAIT;
      break;
    case Step::kConnected:
      now.own = HOST_XENBUS_CONNECTED;
      break;
    case Step::kClosing:
      now.own = HOST_XENBUS_CLOSING;
      break;
    case Step::kClosed:
      now.own = HOST_XENBUS_CLOSED;
      break;
  }
  if (now.link == Link::kDraining && drains) {
    now.link = Link::kNone;
    now.restarted = false;
  }
  return now;
}

// Takes steps until nothing changes any more.  Returns false if that does not happen in 8 steps.
bool settle(Situation& now, bool drains, bool fails) {
  for (uint32_t i = 0; i < 8; ++i) {
    const Step step = next_step(now);
    const Situation next = after(now, step, drains, fails);
    const bool same = next.own == now.own && next.link == now.link && next.failed == now.failed &&
                      next.restarted == now.restarted;
    now = next;
    if (same) return true;
  }
  return false;
}

// The frontend writes a state, and the backend sees it.
void write(Situation& now, uint32_t state) {
  now.frontend_seen = true;
  now.frontend = state;
  now.failed = false;
}

TEST(NextStep, EverySituationComesToRest) {
  for (const Situation& start : all_situations()) {
    for (const bool drains : {true, false}) {
      for (const bool fails : {true, false}) {
        Situation now = start;
        EXPECT_TRUE(settle(now, drains, fails));
      }
    }
  }
}

TEST(NextStep, ClosedIsPublishedOnlyWithoutAConnection) {
  for (const Situation& now : all_situations()) {
    if (next_step(now) != Step::kClosed) continue;
    EXPECT_TRUE(now.link == Link::kNone);
    EXPECT_TRUE(now.frontend_seen);
    EXPECT_TRUE(now.frontend == HOST_XENBUS_CLOSED || now.frontend == HOST_XENBUS_UNKNOWN);
  }
}

TEST(NextStep, AConnectionIsMadeOnlyWhereThereIsNone) {
  for (const Situation& now : all_situations()) {
    const Step step = next_step(now);
    if (step == Step::kConnect) {
      EXPECT_TRUE(now.link == Link::kNone && !now.failed);
    }
    if (step == Step::kDrain || step == Step::kConnected) {
      EXPECT_TRUE(now.link == Link::kOpen);
    }
  }
}

TEST(NextStep, WhileAConnectionDrainsNothingButClosingIsPublished) {
  for (const Situation& now : all_situations()) {
    if (now.link != Link::kDraining) continue;
    const Step step = next_step(now);
    EXPECT_TRUE(step == Step::kNone ||
                (step == Step::kClosing && now.frontend == HOST_XENBUS_CLOSING));
  }
}

TEST(NextStep, AFailureIsShownAsClosing) {
  for (Situation now : all_situations()) {
    now.failed = true;
    if (now.link == Link::kDraining) continue;
    ASSERT_TRUE(settle(now, true, true));
    EXPECT_TRUE(now.own == HOST_XENBUS_CLOSING || now.own == HOST_XENBUS_CLOSED ||
                (!now.frontend_seen && now.link == Link::kOpen));
  }
}

TEST(NextStep, AnImpossibleStateIsRefusedOnce) {
  for (Situation now : all_situations()) {
    const bool impossible = now.frontend == HOST_XENBUS_INIT_WAIT || now.frontend > 6;
    if (!impossible || now.failed || now.link == Link::kDraining) continue;
    EXPECT_TRUE(next_step(now) == Step::kRefuse);
    now.failed = true;
    EXPECT_TRUE(next_step(now) != Step::kRefuse);
  }
}

// From every situation, and after any two states that the frontend writes, quickly or slowly: a
// frontend that starts over properly is served once the disk has ended its I/O.
TEST(NextStep, FromEverySituationAProperFrontendIsServed) {
  const std::vector<uint32_t> kStates = {0, 1, 2, 3, 4, 5, 6, 7};
  const std::vector<Situation> all = all_situations();
  const uint32_t stride = kunit::sweep_stride();
  for (kunit::Sweep sweep(stride * stride); sweep.at() <= all.size(); sweep.next()) {
    const Situation& start = all[sweep.at() - 1];
    for (const uint32_t first : kStates) {
      for (const uint32_t second : kStates) {
        for (uint32_t bits = 0; bits < 8; ++bits) {
          Situation now = start;
          write(now, first);
          if ((bits & 1) != 0) (void)settle(now, (bits & 2) != 0, (bits & 4) != 0);
          write(now, second);
          if ((bits & 1) == 0) (void)settle(now, (bits & 2) != 0, (bits & 4) != 0);

          write(now, HOST_XENBUS_INITIALISING);
          ASSERT_TRUE(settle(now, true, false));
          ASSERT_TRUE(now.own == HOST_XENBUS_INIT_WAIT && now.link == Link::kNone);
          write(now, HOST_XENBUS_INITIALISED);
          ASSERT_TRUE(settle(now, true, false));
          ASSERT_TRUE(now.own == HOST_XENBUS_CONNECTED && now.link == Link::kOpen);
        }
      }
    }
  }
}

}  // namespace
