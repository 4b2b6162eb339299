// SPDX-License-Identifier: GPL-2.0
#include "fuzz/require.h"

#include <cstdio>
#include <cstdlib>

#include "fake_host/fake_host.h"

namespace {

[[noreturn]] void give_up(const char* kind, const char* what) {
  std::fprintf(stderr, "%s: %s\n", kind, what);
  std::abort();
}

}  // namespace

void fake::Host::report(const std::string& what) { give_up("broken contract", what.c_str()); }

namespace fuzz {

void require(bool holds, const char* what) {
  if (!holds) give_up("does not hold", what);
}

void require_no_leaks() {
  const std::string left = fake::host().leaks();
  if (!left.empty()) give_up("left over", left.c_str());
}

}  // namespace fuzz
