// SPDX-License-Identifier: GPL-2.0
#include "explore.h"

#include <cstdio>
#include <set>

#include "choices.h"
#include "objects.h"
#include "races.h"
#include "schedule.h"
#include "sharing.h"
#include "sites.h"

namespace model {
namespace {

std::set<uint64_t> outcomes;

End run_once(const Case& tried, const Options& options) {
  renew_objects();
  renew_shadows();
  renew_words();
  memory.reset();
  choices.begin();
  renew_threads(options.preemptions != 0 ? options.preemptions : tried.preemptions);
  tried.set_up();
  return run_threads();
}

// Shows the last run once more, access by access.
void show(const Case& tried, const Options& options) {
  if (!options.trace) return;
  schedule.tracing = true;
  (void)run_once(tried, options);
  schedule.tracing = false;
}

}  // namespace

void outcome(uint64_t value) { outcomes.insert(value); }
bool seen(uint64_t value) { return outcomes.contains(value); }

bool explore(const Case& tried, const Options& options) {
  forget_sharing();
  forget_shadows();

  uint64_t all_runs = 0;
  End end = kAllDone;
  do {
    choices.forget();
    forget_states();
    outcomes.clear();
    news = false;
    do {
      end = run_once(tried, options);
      if (end == kAllDone && tried.run_ended != nullptr && !holds(tried.run_ended)) end = kFault;
      ++all_runs;
      // With news all starts again: the next run would have other choices, and a fault may be
      // none, for the accesses made before the news have left no views.
      if (end == kFault || news) break;
      if (options.most_runs != 0 && all_runs == options.most_runs) {
        std::printf("gave up after %llu runs, %zu states\n",
                    static_cast<unsigned long long>(options.most_runs), state_count());
        show(tried, options);
        return false;
      }
    } while (choices.next());
  } while (news);

  print_sites();
  if (end == kFault) {
    std::printf("fault: %s\n", fault().c_str());
    show(tried, options);
    return false;
  }
  std::printf("%llu runs, %zu states, %u shared atomic objects\n",
              static_cast<unsigned long long>(all_runs), state_count(), location_count());
  if (tried.ended != nullptr && !holds(tried.ended)) {
    std::printf("fault: %s\n", fault().c_str());
    return false;
  }
  return true;
}

}  // namespace model
