// SPDX-License-Identifier: GPL-2.0
#include "device/next_step.h"

namespace blkback {

namespace {

struct Row {
  Step none;
  Step none_failed;
  Step open;
  Step open_failed;
  Step draining;
};

using enum Step;

constexpr Row kUnseen = {kNone, kClosing, kNone, kNone, kNone};
constexpr Row kImpossible = {kRefuse, kClosing, kRefuse, kClosing, kNone};

// Indexed by the frontend's state, enum host_xenbus_state.
constexpr Row kRows[] = {
    /* Unknown: no state node */ {kClosed, kClosed, kDrain, kDrain, kNone},
    /* Initialising */ {kInitWait, kClosing, kDrain, kDrain, kNone},
    /* InitWait: only for backends */ kImpossible,
    /* Initialised */ {kConnect, kClosing, kConnected, kClosing, kNone},
    /* Connected */ {kConnect, kClosing, kConnected, kClosing, kNone},
    /* Closing */ {kClosing, kClosing, kClosing, kClosing, kClosing},
    /* Closed */ {kClosed, kClosed, kDrain, kDrain, kNone},
};

const Row& row_of(const Situation& situation) {
  if (!situation.frontend_seen) return kUnseen;
  if (situation.frontend >= sizeof(kRows) / sizeof(kRows[0])) return kImpossible;
  return kRows[situation.frontend];
}

// Returns kNone instead of `step` when its state is published already.  Closing is not
// published over Closed either.
Step unless_published(Step step, host_xenbus_state own) {
  switch (step) {
    case kInitWait:
      return own == HOST_XENBUS_INIT_WAIT ? kNone : step;
    case kClosing:
      return own == HOST_XENBUS_CLOSING || own == HOST_XENBUS_CLOSED ? kNone : step;
    default:
      return step;
  }
}

}  // namespace

Step next_step(const Situation& situation) {
  const Row& row = row_of(situation);
  Step step = kNone;
  switch (situation.link) {
    case Link::kNone:
      step = situation.failed ? row.none_failed : row.none;
      break;
    case Link::kOpen:
      step = situation.failed ? row.open_failed : row.open;
      if (step == kConnected && situation.restarted) step = kDrain;
      break;
    case Link::kDraining:
      step = row.draining;
      break;
  }
  return unless_published(step, situation.own);
}

}  // namespace blkback
