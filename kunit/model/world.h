// SPDX-License-Identifier: GPL-2.0
// The kernel, Xen and the disk around the driver, as one run of a case has them.
#pragma once

#include <cstdint>

#include "driver.h"
#include "explore.h"
#include "host/block.h"
#include "host/thread.h"

namespace model {

// Everything here is part of a state: plain data, the views first.
struct World {
  static constexpr uint32_t kMost = 6;

  View lock_views[kMost * 2];
  View task_views[kMost];
  View work_views[kMost];
  View port_views[kMost];      // an event on its way to the backend
  View guest_views[kMost];     // an event on its way to the frontend
  View timer_views[kThreads];  // by the thread that runs the timer
  View disk_view;
  static constexpr uint32_t kViews = kMost * 6 + kThreads + 1;

  struct Lock {
    const void* at;
    bool held;
  } locks[kMost * 2];
  struct Task {
    unsigned int* state;        // shared: TASK_*
    unsigned int* should_stop;  // shared
    uint32_t thread;
    bool asleep;
    bool exited;
  } tasks[kMost];
  uint32_t task_count;
  struct Work {
    void* at;
    bool pending;
    bool running;
  } works[kMost];
  struct Port {
    driver_queue* queue;
    bool pending;
    bool masked;
    bool running;
    bool guest_pending;
  } ports[kMost];
  const void* timer_runs[kThreads];
  host_io* ios[kMost];
  uint32_t io_count;
  bool ends_at_once;  // the disk ends I/Os within their submission
  uint32_t done;      // I/Os that the disk got; in cases without a disk what they count
  // What a case sees of the disk: an I/O begins, in its submitter's context, and ends.
  void (*io_begins)(const host_io& io);
  void (*io_ends)(const host_io& io);
  bool without_timers;                        // time stands still: no timer expires
  uint32_t (*own_work)(driver_queue* queue);  // of the threads in cases without a queue
};

extern World world;
// First in each set-up.
void renew_world();

// Threads that serve the others.  Call in the set-up, after what they serve was created.
void spawn_interrupts(uint32_t port);
void spawn_works();
void spawn_disk(const char* name);

// For `port`'s frontend: sends an event; waits for one.
void guest_notify(uint32_t port);
void guest_wait(uint32_t port);

// The page of the ring whose gref is the port's number.
[[nodiscard]] uint8_t* ring_page(uint32_t port);

}  // namespace model

#define MODEL_CALLER __builtin_return_address(0)
// Of the function that has called: everything is built with frame pointers.
#define MODEL_OUTER_CALLER __builtin_return_address(1)
