// SPDX-License-Identifier: GPL-2.0
#include "churn.h"

namespace frontend {

void Churn::start(What what, std::function<void(uint64_t)> step) {
  Thread& thread = threads_.emplace_back();
  thread.what = what;
  thread.thread = std::thread([&thread, step = std::move(step)] {
    for (uint64_t i = 0; !thread.end; ++i) step(i);
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
