// SPDX-License-Identifier: GPL-2.0
#include "schedule.h"

#include <ucontext.h>
#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <unordered_set>
#include <utility>
#include <vector>

#include "choices.h"
#include "explore.h"
#include "hash.h"
#include "races.h"
#include "sharing.h"

namespace model {

Schedule schedule;
Memory memory([](uint32_t count) { return choices.choose(count); });

namespace {

constexpr size_t kStack = size_t{256} << 10;
constexpr size_t kLongest = 1000;  // choices of a run

struct Thread {
  const char* name;
  Ends ends;
  std::function<void()> run;
  std::function<bool()> ready;
  bool waits;
  bool finished;
  bool started;
  bool fresh;  // was chosen to begin, and has done nothing yet
  bool late;   // goes on only when all others wait
  uint64_t history;
  jmp_buf at;
};

// Part of the state beside the memory.
struct State {
  const void* memory;
  size_t bytes;
  View* views;
  uint32_t view_count;
};

// --- For the whole exploration ------------------------------------------------
std::unordered_set<uint64_t> visited;
uint8_t* stacks[kThreads];

// --- For one run ----------------------------------------------------------------
std::vector<State> states;
Thread threads[kThreads];
uint32_t preemptions;  // how many are left
bool started_over;
jmp_buf scheduler;
std::string words_of_fault;

[[noreturn]] void end_run(End end) { longjmp(scheduler, end); }

uint64_t state_hash() {
  const uint32_t locations = location_count();
  uint32_t alive = 0;
  for (uint32_t i = 0; i < schedule.thread_count; ++i) alive |= uint32_t{!threads[i].finished} << i;
  memory.forget_old(alive, locations);
  uint64_t hash = memory.hash(schedule.thread_count, schedule.thread_count, locations);
  if (preemptions < kAnyPreemptions / 2) {
    hash = mix(hash, preemptions * kThreads + schedule.running);
  }
  for (uint32_t i = 0; i < schedule.thread_count; ++i) {
    hash = mix(hash, threads[i].history * 4 + threads[i].finished * 2 + threads[i].started);
  }
  if (started_over) hash = hash_shadows(hash);
  for (const State& state : states) {
    for (uint32_t i = 0; i < state.view_count; ++i) {
      hash = memory.hash(hash, state.views[i], locations);
    }
    // A view counts as what it shows, whatever numbers its messages have.
    const size_t views = state.view_count * sizeof(View);
    hash = mix(hash, static_cast<const uint8_t*>(state.memory) + views, state.bytes - views);
  }
  return hash;
}

void thread_start() {
  threads[schedule.running].run();
  threads[schedule.running].finished = true;
  reschedule();
  std::abort();
}

[[noreturn]] void start(uint32_t next) {
  schedule.running = next;
  threads[next].started = true;
  threads[next].fresh = true;
  if (stacks[next] == nullptr) stacks[next] = static_cast<uint8_t*>(std::malloc(kStack));
  ucontext_t context;
  getcontext(&context);
  context.uc_stack.ss_sp = stacks[next];
  context.uc_stack.ss_size = kStack;
  context.uc_link = nullptr;
  makecontext(&context, thread_start, 0);
  setcontext(&context);
  std::abort();
}

void switch_to(uint32_t next) {
  if (_setjmp(threads[schedule.running].at) != 0) return;
  if (!threads[next].started) start(next);
  schedule.running = next;
  _longjmp(threads[next].at, 1);
}

bool enabled(const Thread& thread) { return !thread.finished && (!thread.waits || thread.ready()); }

void reach_end() {
  for (uint32_t i = 0; i < schedule.thread_count; ++i) {
    if (!threads[i].finished && threads[i].ends == Ends::kMust) {
      words_of_fault = std::string("thread \"") + threads[i].name + "\" waits for ever";
      end_run(kFault);
    }
  }
  end_run(kAllDone);
}

}  // namespace

void forget_states() { visited.clear(); }
size_t state_count() { return visited.size(); }

void renew_threads(uint32_t most_preemptions) {
  states.clear();
  for (Thread& thread : threads) thread = Thread{};
  schedule.thread_count = 0;
  schedule.exploring = false;
  schedule.running = kThreads;  // no thread
  preemptions = most_preemptions;
  started_over = false;
}

End run_threads() {
  schedule.exploring = true;
  const auto end = static_cast<End>(_setjmp(scheduler));
  if (end != kRunning) {
    schedule.exploring = false;
    return end;
  }
  start(choices.choose(schedule.thread_count));
}

bool holds(void (*check)()) {
  if (_setjmp(scheduler) != 0) return false;
  check();
  return true;
}

// A thread that is chosen makes an access, or waits, before the next choice: each state that is
// noted differs from the one before it.
void reschedule() {
  const uint32_t running = schedule.running;
  if (std::exchange(threads[running].fresh, false) && enabled(threads[running])) {
    threads[running].waits = false;
    return;
  }
  if (!choices.repeats() && !schedule.tracing && !visited.insert(state_hash()).second) {
    end_run(kVisited);
  }
  uint32_t candidates[kThreads];
  uint32_t count = 0;
  const bool goes_on = enabled(threads[running]);
  if (goes_on) candidates[count++] = running;
  for (uint32_t i = 0; i < schedule.thread_count && !(goes_on && preemptions == 0); ++i) {
    if (i != running && enabled(threads[i])) candidates[count++] = i;
  }
  if (count == 0) reach_end();
  const auto* const end = std::stable_partition(
      candidates, candidates + count, [](uint32_t thread) { return !threads[thread].late; });
  if (end != candidates) {
    count = static_cast<uint32_t>(end - candidates);
  } else {
    memory.settle();
  }
  if (choices.made() > kLongest) fail("goes on for ever");
  const uint32_t next = candidates[choices.choose(count)];
  if (next != running) {
    if (goes_on && !threads[running].late) --preemptions;
    switch_to(next);
  }
  threads[running].waits = false;
}

void go_on() { threads[schedule.running].fresh = false; }

uint32_t spawn(const char* name, Ends ends, std::function<void()> run) {
  if (schedule.thread_count == kThreads) {
    std::puts("too many threads");
    std::exit(2);
  }
  Thread& thread = threads[schedule.thread_count];
  thread.name = name;
  thread.ends = ends;
  thread.run = std::move(run);
  return schedule.thread_count++;
}

void step(const std::function<bool()>& ready) {
  if (!schedule.exploring) return;
  Thread& me = threads[schedule.running];
  me.waits = true;
  me.ready = ready;
  reschedule();
  note(1);
}

void step() {
  if (!schedule.exploring) return;
  reschedule();
  note(2);
}

void note(uint64_t value) {
  if (!schedule.exploring) return;
  Thread& me = threads[schedule.running];
  me.history = mix(me.history, value);
}

void start_over() {
  threads[schedule.running].history = 0;
  started_over = true;
}

void wait_for_others() { threads[schedule.running].late = true; }

uint32_t self() { return schedule.running; }

const char* thread_name(uint32_t thread) { return threads[thread].name; }

void fail(uint32_t thread, const char* what) {
  words_of_fault = std::string("thread \"") + threads[thread].name + "\": " + what;
  end_run(kFault);
}

void fail(const char* what) { fail(schedule.running, what); }

const std::string& fault() { return words_of_fault; }

void is_state(const void* at, size_t bytes, View* views, uint32_t count) {
  states.push_back({at, bytes, views, count});
}

}  // namespace model
