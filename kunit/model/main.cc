// SPDX-License-Identifier: GPL-2.0
// usage: model list
//        model [--trace] [--runs N] [--preemptions N] CASE [ADDRESS...]   weakens the accesses made
//        from there
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cases.h"

int main(int count, char** words) {
  model::Options options;
  const model::Case* chosen = nullptr;
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(words[i], "--trace") == 0) {
      options.trace = true;
    } else if (std::strcmp(words[i], "--runs") == 0 && i + 1 < count) {
      options.most_runs = std::strtoull(words[++i], nullptr, 0);
    } else if (std::strcmp(words[i], "--preemptions") == 0 && i + 1 < count) {
      options.preemptions = static_cast<uint32_t>(std::strtoul(words[++i], nullptr, 0));
    } else if (chosen != nullptr) {
      model::weaken(reinterpret_cast<const void*>(std::strtoull(words[i], nullptr, 16)));
    } else {
      for (const auto cases : {model::litmus_cases(), model::protocol_cases(),
                               model::barrier_cases(), model::queue_cases()}) {
        for (const model::Case& one : cases) {
          if (std::strcmp(words[i], "list") == 0) std::printf("%s\t%s\n", one.name, one.claims);
          if (std::strcmp(words[i], one.name) == 0) chosen = &one;
        }
      }
      if (std::strcmp(words[i], "list") == 0) return 0;
      if (chosen == nullptr) break;
    }
  }
  if (chosen == nullptr) {
    std::fputs(
        "usage: model list | model [--trace] [--runs N] [--preemptions N] CASE [ADDRESS...]\n",
        stderr);
    return 2;
  }
  return model::explore(*chosen, options) ? 0 : 1;
}
