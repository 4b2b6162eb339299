// SPDX-License-Identifier: GPL-2.0
// Threads, works and time of the fake host.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "fake_host/fake_host.h"
#include "host/survey.h"
#include "host/time.h"

using fake::Host;
using fake::host;

namespace {

uint32_t the_first(uint32_t) { return 0; }

fake::Lock lock_of(const host_work& work) {
  return work.kind == DRIVER_WORK_PURGE ? fake::Lock::kPurgeWork : fake::Lock::kDeviceWork;
}

bool is_due(const Host& host, const host_thread& thread) {
  return thread.woken || (thread.timed && thread.due_ms <= host.now_ms);
}

}  // namespace

void Host::pass(host_thread& thread) {
  thread.woken = false;
  thread.timed = false;
  ++passes;
  const Context own;
  const Holding pass(Lock::kThread);
  const host_thread* const outer = std::exchange(running, &thread);
  thread.in_pass = true;
  const uint32_t next = driver_queue_work(thread.queue);
  thread.in_pass = false;
  running = outer;
  if (next == HOST_FOREVER) return;
  thread.timed = true;
  thread.due_ms = now_ms + next;
}

// Skips works that are running: a work never runs twice at the same time.
fake::FlatMap<host_work*, Host::Due>::iterator Host::next_work() {
  auto next = works.end();
  for (auto work = works.begin(); work != works.end(); ++work) {
    if (works_under_way.contains(work->first)) continue;
    if (next == works.end() || work->second < next->second) next = work;
  }
  return next;
}

bool Host::run_once() {
  std::vector<host_thread*> ready;
  for (const auto& thread : threads) {
    if (is_due(*this, *thread) && !thread->in_pass) ready.push_back(thread.get());
  }
  const auto work = next_work();
  const bool work_due = work != works.end() && work->second.at_ms <= now_ms;
  const std::vector<size_t> discards = due_discards();
  const size_t works_end = ready.size() + (work_due ? 1 : 0);
  const auto choices = static_cast<uint32_t>(works_end + discards.size());
  if (choices == 0) return false;
  const uint32_t chosen = (choose ? choose : the_first)(choices);
  if (chosen < ready.size()) {
    pass(*ready[chosen]);
    return true;
  }
  if (chosen >= works_end) {
    complete(discards[chosen - works_end], io_error);
    return true;
  }
  host_work* ready_work = work->first;
  works.erase(work);
  ++work_runs;
  const Context own;
  const Holding run(lock_of(*ready_work));
  const host_work* const outer = std::exchange(running_work, ready_work);
  works_under_way.insert(ready_work);
  driver_work(ready_work);  // may free the work
  works_under_way.erase(ready_work);
  running_work = outer;
  return true;
}

void Host::run() {
  for (int i = 0; i < 100000; ++i) {
    if (!run_once()) return;
  }
  broken("threads and works never come to rest");
}

void Host::sleep(uint64_t ms) {
  const uint64_t end = now_ms + ms;
  run();
  for (;;) {
    uint64_t next = end;
    for (const auto& thread : threads) {
      if (thread->timed) next = std::min(next, thread->due_ms);
    }
    const auto work = next_work();
    if (work != works.end()) next = std::min(next, work->second.at_ms);
    now_ms = std::max(now_ms, next);
    run();
    if (now_ms >= end) return;
  }
}

extern "C" {

int host_thread_start(driver_queue* queue, const char* name, host_thread** thread) {
  host().cross_work();
  host().may_sleep("host_thread_start");
  if (host().fails("host_thread_start")) return -ENOMEM;
  host().threads.push_back(std::make_unique<host_thread>());
  *thread = host().threads.back().get();
  (*thread)->queue = queue;
  (*thread)->name = name;
  (*thread)->pid = ++host().last_pid;
  return 0;
}

uint32_t host_thread_pid(const host_thread* thread) { return thread->pid; }

// A wake-up by the thread itself does nothing: the thread is awake.
void host_thread_wake(host_thread* thread) {
  if (thread == host().running && host().elsewhere == 0) return;
  thread->woken = true;
  if (!host().at_wake || host().spinlocks_held != 0) return;
  const std::function<void()> now = std::exchange(host().at_wake, nullptr);
  now();
}

void host_thread_clear_wakeups(host_thread* thread) {
  if (thread != host().running) Host::broken("a thread clears the wake-ups of another");
  thread->woken = false;
  host().cross();
}

void host_thread_yield(void) {
  host().may_sleep("host_thread_yield");
  ++host().yields;
  host().cross();
}

void host_thread_stop(host_thread* thread) {
  host().may_sleep("host_thread_stop");
  if (host().at_stop) host().at_stop();
  if (!host().locks.wait_for(fake::Lock::kThread)) return;
  if (thread->in_pass) return Host::broken("deadlock: a thread is stopped in its pass");
  std::erase_if(host().threads, [thread](const auto& other) { return other.get() == thread; });
}

void host_work_init(host_work* work, driver_work_kind kind) { work->kind = kind; }

void host_work_schedule(host_work* work, uint32_t delay_ms) {
  const uint64_t due = host().now_ms + delay_ms;
  const fake::Host::Due entry{due, ++host().works_scheduled};
  const auto [scheduled, fresh] = host().works.try_emplace(work, entry);
  if (!fresh && due < scheduled->second.at_ms) scheduled->second = entry;
}

void host_work_cancel(host_work* work) {
  host().may_sleep("host_work_cancel");
  if (!host().locks.wait_for(lock_of(*work))) return;
  if (host().works_under_way.contains(work)) {
    return Host::broken("deadlock: a work is cancelled as it runs");
  }
  host().works.erase(work);
}

void host_work_cancel_nosync(host_work* work) { host().works.erase(work); }

void host_survey_start(void) { host().surveying = true; }

uint64_t host_time_ms(void) { return host().now_ms; }

uint64_t host_time_ns(void) {
  ++host().clock_looks;
  return host().now_ms * 1000000;
}

}  // extern "C"
