// SPDX-License-Identifier: GPL-2.0
// The kernel's own objects for src/linux/thread.c: tasks, timers, work, locks (kernel.h).
#include <cstdlib>
#include <cstring>

#include "world.h"

using model::World;
using model::world;

struct timer_list {
  unsigned int pending;
  unsigned long expires;
  void (*function)(timer_list* timer);
};

struct delayed_work {
  void (*function)(delayed_work* work);
};

namespace model {

World world;

namespace {

constexpr auto kRelaxed = __ATOMIC_RELAXED;
constexpr uint32_t kRunning = 0;
// How often a timer may expire while others could run instead.
constexpr uint32_t kEarly = 1;

uint32_t lock_number(const void* at) {
  for (uint32_t i = 0;; ++i) {
    if (i == World::kMost * 2) std::abort();
    if (world.locks[i].at == nullptr) world.locks[i].at = at;
    if (world.locks[i].at == at) return i;
  }
}

void take(const void* at) {
  if (untouched_by_others(at)) return;
  const uint32_t number = lock_number(at);
  step([number] { return !world.locks[number].held; });
  world.locks[number].held = true;
  observe(world.lock_views[number]);
}

void leave(const void* at) {
  if (untouched_by_others(at)) return;
  const uint32_t number = lock_number(at);
  release_to(world.lock_views[number]);
  world.locks[number].held = false;
}

World::Task* current_task() {
  for (uint32_t i = 0; i < world.task_count; ++i) {
    if (world.tasks[i].thread == self()) return &world.tasks[i];
  }
  return nullptr;
}

uint32_t work_number(void* at) {
  for (uint32_t i = 0;; ++i) {
    if (i == World::kMost) std::abort();
    if (world.works[i].at == nullptr) world.works[i].at = at;
    if (world.works[i].at == at) return i;
  }
}

}  // namespace

void renew_world() {
  std::memset(static_cast<void*>(&world), 0, sizeof(world));
  is_state(&world, sizeof(world), world.lock_views, World::kViews);
}

void spawn_works() {
  (void)spawn("work", Ends::kMay, [] {
    for (;;) {
      uint32_t number = 0;
      step([] {
        for (const World::Work& work : world.works) {
          if (work.pending) return true;
        }
        return false;
      });
      while (!world.works[number].pending) ++number;
      note(number);
      World::Work& work = world.works[number];
      work.pending = false;
      work.running = true;
      observe(world.work_views[number]);
      auto* delayed = static_cast<delayed_work*>(work.at);
      delayed->function(delayed);
      release_to(world.work_views[number]);
      work.running = false;
    }
  });
}

}  // namespace model

extern "C" {

unsigned long jiffies = 1000;

void model_fence(int order) {
  model::called_from(MODEL_OUTER_CALLER);
  model::fence(order, MODEL_CALLER);
}

void model_store_release(uint32_t* at, uint32_t value) {
  model::called_from(MODEL_OUTER_CALLER);
  model::store(at, sizeof(*at), value, __ATOMIC_RELEASE, MODEL_CALLER);
}

unsigned long model_or(unsigned long* word, unsigned long value) {
  return model::modify(word, sizeof(*word), model::Rmw::kOr, value, model::kFull, MODEL_CALLER);
}

unsigned long model_and(unsigned long* word, unsigned long value) {
  return model::modify(word, sizeof(*word), model::Rmw::kAnd, value, model::kFull, MODEL_CALLER);
}

// --- Tasks ------------------------------------------------------------------------

World::Task* model_current() { return model::current_task(); }
unsigned int* model_state() { return model::current_task()->state; }
// Interrupts have no task here.
bool in_task() { return model::current_task() != nullptr; }

World::Task* kthread_create(int (*run)(void* data), void* data, const char*, const char*) {
  const uint32_t number = world.task_count++;
  World::Task& task = world.tasks[number];
  auto* words = static_cast<unsigned int*>(model::allocate(64));
  task.state = words;
  task.should_stop = words + 8;
  task.thread = model::spawn("ring", model::Ends::kMay, [run, data, number] {
    (void)run(data);
    model::step();
    model::release_to(world.task_views[number]);
    world.tasks[number].exited = true;
  });
  return &task;
}

bool kthread_should_stop() {
  return model::load(model::current_task()->should_stop, 4, model::kRelaxed, MODEL_CALLER) != 0;
}

// kernel/sched/core.c, try_to_wake_up(): a full barrier, then a look at the state.
int wake_up_process(World::Task* task) {
  const uint32_t number = static_cast<uint32_t>(task - world.tasks);
  model::take(task->state);
  model::fence(__ATOMIC_SEQ_CST, MODEL_CALLER);
  if (model::load(task->state, 4, model::kRelaxed, MODEL_CALLER) != model::kRunning) {
    model::store(task->state, 4, model::kRunning, model::kRelaxed, MODEL_CALLER);
    model::release_to(world.task_views[number]);
    task->asleep = false;
  }
  model::leave(task->state);
  return 1;
}

void schedule() {
  World::Task* task = model::current_task();
  model::take(task->state);
  model::fence(__ATOMIC_SEQ_CST, MODEL_CALLER);
  const bool sleeps = model::load(task->state, 4, model::kRelaxed, MODEL_CALLER) != model::kRunning;
  task->asleep = sleeps;
  model::leave(task->state);
  if (!sleeps) return;
  model::step([task] { return !task->asleep; });
  model::observe(world.task_views[task - world.tasks]);
}

int kthread_stop(World::Task* task) {
  (void)model::modify(task->should_stop, 4, model::Rmw::kOr, 1, model::kRelaxed, MODEL_CALLER);
  (void)wake_up_process(task);
  model::step([task] { return task->exited; });
  model::observe(world.task_views[task - world.tasks]);
  return 0;
}

// --- Memory, locks ------------------------------------------------------------------

void* model_alloc(size_t bytes) { return model::allocate(bytes); }
void kfree(void* memory) { model::release(memory, MODEL_CALLER); }

unsigned long model_lock(void* lock) {
  model::take(lock);
  return 0;
}
void model_unlock(void* lock, unsigned long) { model::leave(lock); }

// --- Timers -------------------------------------------------------------------------

void timer_setup(timer_list* timer, void (*function)(timer_list*), int) {
  timer->function = function;  // its address names the timer's lock
  if (world.without_timers) return;
  (void)model::spawn("timer", model::Ends::kMay, [timer] {
    for (uint32_t expired = 0;; ++expired) {
      if (expired == model::kEarly) model::wait_for_others();
      // The lock is taken in the same step: a deleted timer is not looked at any more.
      (void)model::untouched_by_others(&timer->function);
      const uint32_t lock = model::lock_number(&timer->function);
      model::step([timer, lock] {
        return !world.locks[lock].held && model::newest(&timer->pending, 4) != 0;
      });
      model::observe(world.lock_views[lock]);
      world.locks[lock].held = true;
      world.timer_runs[model::self()] = timer;
      model::store(&timer->pending, 4, 0, model::kRelaxed, MODEL_CALLER);
      model::leave(&timer->function);
      timer->function(timer);
      model::step();
      model::release_to(world.timer_views[model::self()]);
      world.timer_runs[model::self()] = nullptr;
    }
  });
}

int mod_timer(timer_list* timer, unsigned long expires) {
  model::take(&timer->function);
  model::store(&timer->pending, 4, 1, model::kRelaxed, MODEL_CALLER);
  timer->expires = expires;
  model::leave(&timer->function);
  return 0;
}

int timer_delete(timer_list* timer) {
  model::take(&timer->function);
  model::store(&timer->pending, 4, 0, model::kRelaxed, MODEL_CALLER);
  model::leave(&timer->function);
  return 0;
}

int timer_delete_sync(timer_list* timer) {
  (void)timer_delete(timer);
  model::step([timer] {
    for (const void* running : world.timer_runs) {
      if (running == timer) return false;
    }
    return true;
  });
  for (const model::View& view : world.timer_views) model::observe(view);
  return 0;
}

// --- Work ---------------------------------------------------------------------------

bool mod_delayed_work(void*, delayed_work* work, unsigned long) {
  const uint32_t number = model::work_number(work);
  model::step();
  model::publish(world.work_views[number]);
  world.works[number].pending = true;
  return true;
}

bool cancel_delayed_work_sync(delayed_work* work) {
  const uint32_t number = model::work_number(work);
  model::step([number] { return !world.works[number].running; });
  world.works[number].pending = false;
  model::observe(world.work_views[number]);
  return true;
}

bool cancel_delayed_work(delayed_work* work) {
  model::step();
  world.works[model::work_number(work)].pending = false;
  return true;
}

}  // extern "C"
