// SPDX-License-Identifier: GPL-2.0
#include "churn.h"

#include <unistd.h>

namespace frontend {

namespace {
constexpr uint64_t kBurst = 256;
constexpr useconds_t kRestMicroseconds = 300;
}  // namespace

void Churn::start(What what, std::function<void(uint64_t)> step) {
  Thread& thread = threads_.emplace_back();
  thread.what = what;
  thread.thread = std::thread([&thread, step = std::move(step)] {
    // Now and then it lets the rest run, which may have to share a CPU with it.
    for (uint64_t i = 0; !thread.end; ++i) {
      step(i);
      if (i % kBurst == kBurst - 1) usleep(kRestMicroseconds);
    }
  });
}

void Churn::end_where(const std::function<bool(const Thread&)>& wanted) {
  threads_.remove_if([&](Thread& thread) {
    if (!wanted(thread)) return false;
    thread.end = true;
    thread.thread.join();
    return true;
  });
}

void Churn::calm() {
  end_where([](const Thread&) { return true; });
}

void Churn::calm_memory() {
  end_where([](const Thread& thread) { return thread.what == What::kMemory; });
}

}  // namespace frontend
