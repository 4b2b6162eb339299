// SPDX-License-Identifier: GPL-2.0
// The driver's protocols: the ring, a thread's sleep, the stack of ended I/Os and the end of a
// queue, and what other threads may read of a queue.  The queue, the ring and the thread are the
// driver's own code.
#include "cases.h"

#include <new>

#include "guest.h"
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
  blkback::PagePool pool;
  blkback::WriteOrder order;
  blkback::Statistics statistics;
  blkback::LogLimits log;
  host_work owner{};
  blkback::Wishes wishes;
  std::atomic<uint64_t> squeeze_until_ms{0};
  Owned<Queue> queues[2];

  Owned<Queue>& connect(uint32_t port) {
    const uint32_t grefs[] = {port};
    auto queue = Queue::create({.device = nullptr,
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

// --- The ring -------------------------------------------------------------------

// The frontend publishes its requests one by one and sleeps when it has nothing to do.
void ring_one_by_one() {
  Device& made = new_device();
  (void)made.connect(0);
  world.ends_at_once = true;
  (void)spawn("guest", Ends::kMust, [] {
    Guest guest(0);
    guest.put(BLKIF_OP_FLUSH_DISKCACHE, 1);
    guest.push();
    guest.put(BLKIF_OP_FLUSH_DISKCACHE, 2);
    guest.push();
    uint32_t answered = 0;
    while (answered != 2) answered += guest.collect();
  });
  spawn_interrupts(0);
  made.queues[0]->serve();
}

constexpr Case kCases[] = {
    {"ring", "each request is answered once, and nobody sleeps on work", ring_one_by_one, nullptr},
};

}  // namespace

std::span<const Case> driver_cases() { return kCases; }

}  // namespace model

// The driver interface, as src/device/driver.cc has it.
void driver_event(driver_queue* queue) { static_cast<blkback::Queue*>(queue)->event(); }
uint32_t driver_queue_work(driver_queue* queue) {
  return static_cast<blkback::Queue*>(queue)->work();
}
void driver_io_done(host_io* io) {
  auto& slot = *static_cast<blkback::Slot*>(io);
  slot.queue->done(slot);
}
void driver_work(host_work* work) {
  if (work->kind == DRIVER_WORK_PURGE) static_cast<blkback::Purger*>(work)->run();
}
