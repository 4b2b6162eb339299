// SPDX-License-Identifier: GPL-2.0
// The places in the code from which accesses are made: their orders, and which of them are
// weakened.
#pragma once

namespace model {

struct Site {
  int order;
  bool weak;
  bool shared;  // accesses what several threads touch
  const char* what;
};

// The place of an access.
[[nodiscard]] Site& site_of(const void* caller, const char* what, int order);
// Is the access, or the call of the function that makes it (called_from()), to be weakened?
[[nodiscard]] bool weakened(const Site& site, const char* what, int order);
// The access is made in a set-up: nobody asks.
void forget_caller();

void print_sites();

}  // namespace model
