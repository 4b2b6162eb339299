// SPDX-License-Identifier: GPL-2.0
// What a hostile frontend does beside its requests: one thread for each.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <thread>

namespace frontend {

class Churn {
 public:
  enum class What {
    kMemory,  // writes to pages of the case: ends before they are taken back
    kOther,
  };

  ~Churn() { calm(); }

  // Calls `step` again and again, with 0, 1, 2, ...
  void start(What what, std::function<void(uint64_t)> step);
  void calm();
  void calm_memory();

 private:
  struct Thread {
    What what;
    std::atomic<bool> end = false;
    std::thread thread;
  };
  void end_where(const std::function<bool(const Thread&)>& wanted);

  std::list<Thread> threads_;
};

}  // namespace frontend
