// SPDX-License-Identifier: GPL-2.0
// Threads, work, events and time of the host with threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "host/time.h"
#include "threads/host.h"

using std::chrono::steady_clock;
using threads::Host;
using threads::host;

struct host_event_channel {
  threads::Port* port;
};

namespace threads {

thread_local uint32_t spinlocks_held = 0;

namespace {
constexpr auto kRelaxed = std::memory_order_relaxed;
std::unique_ptr<Host> current;
thread_local uint32_t interrupts = 0;
thread_local const host_thread* self = nullptr;
thread_local const host_work* running_work = nullptr;
thread_local uint32_t xenbus_locks = 0;
}  // namespace

Host& host() { return *current; }
void renew_host() {
  current = std::make_unique<Host>();
  driver_init();
}
void end_host() { current.reset(); }

Interrupt::Interrupt() { ++interrupts; }
Interrupt::~Interrupt() { --interrupts; }
bool in_interrupt() { return interrupts != 0; }

std::chrono::microseconds real_time(uint64_t ms) {
  return std::chrono::microseconds(ms * 1000 / kSpeed);
}

// splitmix64; each thread starts with a different state.
uint32_t random_below(uint32_t bound) {
  static std::atomic<uint64_t> threads_seen{1};
  thread_local uint64_t state = threads_seen.fetch_add(1, kRelaxed) << 32;
  state += 0x9e3779b97f4a7c15u;
  uint64_t mixed = state;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  mixed ^= mixed >> 31;
  return static_cast<uint32_t>(mixed % bound);
}

void Host::broken(const std::string& what) {
  if (host().complaints != nullptr) {
    host().complaints->fetch_add(1, kRelaxed);
    return;
  }
  ADD_FAILURE() << "broken contract: " << what;
}

bool Host::fails(const std::atomic<uint32_t>& one_in) {
  const uint32_t chance = one_in.load(kRelaxed);
  if (chance == 0 || random_below(chance) != 0) return false;
  failures.fetch_add(1, kRelaxed);
  return true;
}

XenbusLock::XenbusLock(std::mutex& lock) : lock_(lock) {
  lock_.lock();
  ++xenbus_locks;
}
XenbusLock::~XenbusLock() {
  --xenbus_locks;
  lock_.unlock();
}
bool XenbusLock::held() { return xenbus_locks != 0; }

void Host::may_sleep(const char* function) {
  if (spinlocks_held != 0) broken(std::string(function) + " under a spinlock");
  if (interrupts != 0) broken(std::string(function) + " where nothing may sleep");
}

Host::Host() {
  geometry.sectors = 2048;
  geometry.logical_block_bytes = 512;
  geometry.physical_block_bytes = 512;
  geometry.write_cache = 1;
  disk.resize(geometry.sectors * 512);
  for (int i = 0; i < 3; ++i) workers_.emplace_back([this] { work_main(); });
}

Host::~Host() {
  {
    const std::lock_guard guard(works_lock);
    works_stop_ = true;
  }
  works_news.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

std::string Host::leaks() const {
  std::string text;
  const auto note = [&text](const char* what, const std::atomic<int64_t>& count) {
    if (count != 0) text += std::string(what) + ": " + std::to_string(count) + "; ";
  };
  note("memory", memory);
  note("pages", pages_out);
  note("mapped grants", mapped);
  note("rings", rings);
  note("disks", disks);
  note("scratches", scratches);
  note("channels", channels);
  note("threads", tasks);
  return text;
}

// --- work ---------------------------------------------------------------------

void Host::work_main() {
  std::unique_lock guard(works_lock);
  while (!works_stop_) {
    const auto now = steady_clock::now();
    auto next = now + std::chrono::seconds(1);
    host_work* chosen = nullptr;
    for (auto& [work, state] : works) {
      if (!state.scheduled || state.running) continue;
      if (state.due <= now) {
        chosen = work;
        break;
      }
      next = std::min(next, state.due);
    }
    if (chosen == nullptr) {
      works_news.wait_until(guard, next);
      continue;
    }
    WorkState& state = works[chosen];
    state.scheduled = false;
    state.running = true;
    guard.unlock();
    running_work = chosen;
    driver_work(chosen);  // may free the work
    running_work = nullptr;
    guard.lock();
    state.running = false;
    if (!state.scheduled && state.cancelling == 0) works.erase(chosen);
    works_news.notify_all();
  }
}

bool Host::works_rest() {
  std::unique_lock guard(works_lock);
  return works_news.wait_for(guard, kPatience, [this] { return works.empty(); });
}

// --- events -------------------------------------------------------------------

namespace {
// Context: the port's lock is held, so that host_event_unbind() waits for a running
// handler.
void deliver(Port& port) {
  if (port.queue == nullptr) return;
  if (port.masked) {
    port.pending = true;
    return;
  }
  port.masked = true;
  const Interrupt interrupt;
  driver_event(port.queue);
}
}  // namespace

void Host::event(uint32_t number) {
  Port& port = ports[number];
  const std::lock_guard guard(port.lock);
  deliver(port);
}

}  // namespace threads

void host_thread::become() { threads::self = this; }

bool host_thread::sleep(uint32_t ms) {
  std::unique_lock guard(lock);
  const auto awake = [this] { return woken.load() || stopped.load(); };
  if (ms == HOST_FOREVER) {
    news.wait(guard, awake);
  } else if (!news.wait_for(guard, threads::real_time(ms), awake)) {
    return false;
  }
  woken.exchange(false);
  return true;
}

extern "C" {

int host_thread_start(driver_queue* queue, const char*, host_thread** thread) {
  Host::may_sleep("host_thread_start");
  if (host().fails(host().set_ups_fail)) return -ENOMEM;
  auto* created = new host_thread;
  created->queue = queue;
  *thread = created;
  host().tasks.fetch_add(1, std::memory_order_relaxed);
  created->task = std::thread([created] {
    created->become();
    while (!created->stopped.load()) {
      const uint32_t next = driver_queue_work(created->queue);
      if (next != 0) (void)created->sleep(next);
    }
  });
  return 0;
}

uint32_t host_thread_pid(const host_thread*) { return 1; }

// As in src/linux/thread.c: a full barrier, and no notification when `woken` was set.
void host_thread_wake(host_thread* thread) {
  if (thread == threads::self && !threads::in_interrupt()) return;
  if (thread->woken.exchange(true)) return;
  const std::lock_guard guard(thread->lock);
  thread->news.notify_one();
}

void host_thread_clear_wakeups(host_thread* thread) {
  if (thread != threads::self) Host::broken("a thread clears the wake-ups of another");
  thread->woken.exchange(false);
}

void host_thread_yield(void) { std::this_thread::yield(); }

void host_thread_stop(host_thread* thread) {
  Host::may_sleep("host_thread_stop");
  if (thread == threads::self) return Host::broken("deadlock: a thread stops itself");
  if (threads::XenbusLock::held()) Host::broken("a thread is stopped under a lock of xenbus");
  thread->stopped.store(true);
  {
    const std::lock_guard guard(thread->lock);
    thread->news.notify_one();
  }
  thread->task.join();
  host().tasks.fetch_sub(1, std::memory_order_relaxed);
  delete thread;
}

void host_work_init(host_work* work, driver_work_kind kind) { work->kind = kind; }

void host_work_schedule(host_work* work, uint32_t delay_ms) {
  const auto due = steady_clock::now() + threads::real_time(delay_ms);
  const std::lock_guard guard(host().works_lock);
  auto& state = host().works[work];
  if (state.cancelling != 0) return;
  if (!state.scheduled || due < state.due) state.due = due;
  state.scheduled = true;
  host().works_news.notify_all();
}

void host_work_cancel(host_work* work) {
  Host::may_sleep("host_work_cancel");
  if (work == threads::running_work) return Host::broken("deadlock: a work cancels itself");
  if (threads::XenbusLock::held()) Host::broken("a work is waited for under a lock of xenbus");
  std::unique_lock guard(host().works_lock);
  auto& state = host().works[work];
  ++state.cancelling;
  state.scheduled = false;
  host().works_news.wait(guard, [&state] { return !state.running; });
  if (--state.cancelling == 0) host().works.erase(work);
  host().works_news.notify_all();
}

void host_work_cancel_nosync(host_work* work) {
  const std::lock_guard guard(host().works_lock);
  const auto known = host().works.find(work);
  if (known == host().works.end()) return;
  known->second.scheduled = false;
  if (!known->second.running) host().works.erase(known);
}

int host_event_bind(host_device*, uint32_t number, driver_queue* queue,
                    host_event_channel** channel) {
  Host::may_sleep("host_event_bind");
  if (number >= threads::kPorts) return -EINVAL;
  if (host().fails(host().set_ups_fail)) return -ENOSPC;
  threads::Port& port = host().ports[number];
  const std::lock_guard guard(port.lock);
  if (port.queue != nullptr) return -EINVAL;
  port.queue = queue;
  port.masked = false;
  port.pending = false;
  *channel = new host_event_channel{&port};
  host().channels.fetch_add(1, std::memory_order_relaxed);
  return 0;
}

void host_event_unbind(host_event_channel* channel) {
  Host::may_sleep("host_event_unbind");
  {
    const std::lock_guard guard(channel->port->lock);
    channel->port->queue = nullptr;
  }
  host().channels.fetch_sub(1, std::memory_order_relaxed);
  delete channel;
}

void host_event_notify(host_event_channel* channel) {
  threads::Port& port = *channel->port;
  const std::lock_guard guard(port.guest_lock);
  port.guest_notified = true;
  port.guest_news.notify_one();
}

void host_event_eoi(host_event_channel* channel, uint8_t) {
  threads::Port& port = *channel->port;
  const std::lock_guard guard(port.lock);
  if (!port.masked) Host::broken("end of interrupt without an interrupt");
  port.masked = false;
  if (!port.pending) return;
  port.pending = false;
  threads::deliver(port);
}

uint64_t host_time_ms(void) {
  const auto now = steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count()) *
         threads::kSpeed / 1000;
}

uint64_t host_time_ns(void) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

}  // extern "C"
