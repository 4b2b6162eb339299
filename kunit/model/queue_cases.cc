// SPDX-License-Identifier: GPL-2.0
// Whole queues: the queue, its ring and its thread are the driver's own code.
#include <new>

#include "cases.h"
#include "guest.h"
#include "judge.h"
#include "queue/queue.h"
#include "wire/blkif.h"
#include "world.h"

namespace model {
namespace {

using blkback::Owned;
using blkback::Queue;

// The objects that a queue needs and a device has.
struct Device {
  blkback::Vbd vbd{{.access = blkback::Access::kReadWrite}, reinterpret_cast<host_disk*>(&world)};
  blkback::Account account;
  blkback::PagePool pool{account, 0};
  blkback::WriteOrder order;
  blkback::Statistics statistics;
  blkback::LogLimits log;
  host_work owner{};
  blkback::Wishes wishes;
  std::atomic<uint64_t> squeeze_until_ms{0};
  Owned<Queue> queues[2];

  Owned<Queue>& connect(uint32_t port) {
    const uint32_t grefs[] = {port};
    auto queue =
        Queue::create({.device = nullptr,
                       .ring_refs = grefs,
                       .event_channel = port,
                       .layout = blkback::wire::Layout::kNative,
                       .persistence = blkback::Mapper::Persistence::kOff,
                       .index = port,
                       .name = "7.xvda-0"},
                      {vbd, pool, order, statistics, log, owner, wishes, squeeze_until_ms});
    if (!queue) __builtin_trap();
    queues[port] = std::move(*queue);
    return queues[port];
  }
};

Device* device;

Device& new_device() {
  renew_world();
  device = ::new (allocate(sizeof(Device))) Device;
  host_work_init(&device->owner, DRIVER_WORK_DEVICE);
  return *device;
}

constexpr uint8_t kFlush = BLKIF_OP_FLUSH_DISKCACHE;

// The frontend publishes its requests one by one and sleeps when it has nothing to do.
void queue() {
  Device& made = new_device();
  (void)made.connect(0);
  world.ends_at_once = true;
  (void)spawn("guest", Ends::kMust, [] {
    Guest guest(0);
    guest.put(kFlush, 1);
    guest.push();
    guest.put(kFlush, 2);
    guest.push();
    uint32_t answered = 0;
    while (answered != 2) answered += guest.collect();
  });
  spawn_interrupts(0);
  made.queues[0]->serve();
}

// The connection ends with I/O in flight: its owner waits until the queue has drained, destroys
// it and frees its memory.
void end() {
  Device& made = new_device();
  watch_frees();
  (void)made.connect(0);
  {
    Guest guest(0);
    guest.put(kFlush, 1);
    guest.put(kFlush, 2);
    guest.push();
  }
  spawn_disk("disk");
  (void)spawn("owner", Ends::kMust, [] {
    device->queues[0]->serve();
    device->queues[0]->close();
    // Connection::drained(), each time that the owner's work runs.
    for (uint32_t number = 0; !device->queues[0]->drained();) {
      step([number] { return world.works[number].pending; });
      world.works[number].pending = false;
      observe(world.work_views[number]);
    }
    device->queues[0].reset();
    require(newest(ring_page(0) + 8, 4) == world.done, "an I/O that ended was not answered");
  });
}

uint32_t number_of(const host_io& io) {
  return static_cast<uint32_t>(static_cast<const blkback::Slot&>(io).duty.id());
}

// A write in one ring, and a barrier in another.
void barrier_queues() {
  Device& made = new_device();
  world.without_timers = true;
  for (const uint32_t port : {0U, 1U}) (void)made.connect(port);
  constexpr uint32_t kWrite = 1;
  constexpr uint32_t kBarrier = 2;
  renew_judge();
  judge.all = 1U << kWrite | 1U << kBarrier;
  judge.barriers = 1U << kBarrier;
  judge.after[kBarrier] = 1U << kWrite;
  world.io_begins = [](const host_io& io) { judge.begins(number_of(io)); };
  world.io_ends = [](const host_io& io) { judge.ends(number_of(io)); };
  {
    Guest first(0);
    first.put(BLKIF_OP_DISCARD, kWrite);  // a write without data
    first.push();
    Guest second(1);
    second.put(BLKIF_OP_WRITE_BARRIER, kBarrier);
    second.push();
  }
  spawn_disk("disk");
  for (const uint32_t port : {0U, 1U}) made.queues[port]->serve();
}

constexpr Case kCases[] = {
    {.name = "queue",
     .claims = "the whole path of two requests",
     .set_up = queue,
     .preemptions = 1},
    {.name = "end", .claims = "a queue ends with I/O in flight", .set_up = end, .preemptions = 1},
    {.name = "barrier-queues",
     .claims = "the queues of two rings keep the order of a barrier",
     .set_up = barrier_queues,
     .run_ended = all_have_ended,
     .preemptions = 1},
};

}  // namespace

std::span<const Case> queue_cases() { return kCases; }

}  // namespace model

// The driver interface, as src/device/driver.cc has it.
void driver_event(driver_queue* queue) { static_cast<blkback::Queue*>(queue)->event(); }
uint32_t driver_queue_work(driver_queue* queue) {
  if (model::world.own_work != nullptr) return model::world.own_work(queue);
  return static_cast<blkback::Queue*>(queue)->work();
}
void driver_io_done(host_io* io) {
  auto& slot = *static_cast<blkback::Slot*>(io);
  slot.queue->done(slot);
}
void driver_work(host_work* work) {
  if (work->kind == DRIVER_WORK_PURGE) static_cast<blkback::Purger*>(work)->run();
}
