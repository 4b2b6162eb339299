// SPDX-License-Identifier: GPL-2.0
// Judges the order of requests around barriers, as the disk sees them: a barrier is alone with the
// disk, each request begins after those that it must follow, and all end.
#pragma once

#include <cstdint>

#include "explore.h"

namespace model {

// The requests of all rings by their numbers: a bit for each.
struct Judge {
  static constexpr uint32_t kNumbers = 8;

  // What the case says.
  uint32_t all;
  uint32_t barriers;
  uint32_t after[kNumbers];  // those that must have ended before this one begins

  uint32_t begun;
  uint32_t ended;
  // What the requests leave on the disk.  Plain: an end that does not happen before what must
  // follow it is a race.
  uint8_t* left;

  void begins(uint32_t number);
  void ends(uint32_t number);
};

extern Judge judge;

// In a set-up, after renew_world().
void renew_judge();
// After each run: has each request ended?
void all_have_ended();

}  // namespace model
