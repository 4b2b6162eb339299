// SPDX-License-Identifier: GPL-2.0
// The driver's protocols, each alone: the ring, a thread's sleep, the stack of ended I/Os, and what
// other threads may read of a queue.
#include "cases.h"

#include <new>

#include "guest.h"
#include "host/event.h"
#include "host/grant.h"
#include "queue/queue.h"
#include "wire/blkif.h"
#include "world.h"

namespace model {
namespace {

constexpr uint8_t kFlush = BLKIF_OP_FLUSH_DISKCACHE;

// --- The ring alone -----------------------------------------------------------------

blkback::wire::Ring* new_ring() {
  renew_world();
  const uint32_t gref = 0;
  void* page = nullptr;
  (void)host_ring_map(nullptr, &gref, 1, &page);
  world.ports[0].queue = reinterpret_cast<driver_queue*>(page);  // bound
  auto ring = blkback::wire::Ring::attach(page, HOST_PAGE_BYTES, blkback::wire::Layout::kNative);
  return ::new (allocate(sizeof(*ring))) blkback::wire::Ring(*ring);
}

// As Queue::round() and Queue::next_pass_ms(): takes what waits and answers, or sleeps until an
// event comes.
void serve_ring(blkback::wire::Ring& ring, uint32_t requests) {
  while (requests != 0) {
    const auto waiting = ring.pending();
    require(waiting.has_value(), "an impossible index");
    for (uint32_t i = 0; i < *waiting; ++i) {
      blkback::wire::RawSlot slot;
      ring.take(slot);
      uint64_t id = 0;
      __builtin_memcpy(&id, slot.bytes + 8, sizeof(id));
      require(slot.bytes[0] == kFlush && id != 0, "a request is read before it is written");
      ring.respond(id, kFlush, 0);
      --requests;
    }
    if (*waiting != 0 && ring.push()) {
      step();
      publish(world.guest_views[0]);
      world.ports[0].guest_pending = true;
    }
    const auto more = ring.arm();
    require(more.has_value(), "an impossible index");
    if (*more || requests == 0) continue;
    step([] { return world.ports[0].pending; });
    world.ports[0].pending = false;
    observe(world.port_views[0]);
  }
}

template <uint32_t kRequests, bool kTogether>
void ring() {
  blkback::wire::Ring* made = new_ring();
  (void)spawn("guest", Ends::kMust, [] {
    Guest guest(0);
    for (uint32_t i = 1; i <= kRequests; ++i) {
      guest.put(kFlush, i);
      if (!kTogether || i == kRequests) guest.push();
    }
    uint32_t answered = 0;
    while (answered != kRequests) answered += guest.collect();
  });
  (void)spawn("ring", Ends::kMust, [made] { serve_ring(*made, kRequests); });
}

// --- The sleep of a thread ------------------------------------------------------------

// A thread that does what it is asked: `wanted` is what a waker leaves, relaxed, before it wakes,
// as Wishes, PagePool::Waiter and Shortage do.
struct Sleeper : driver_queue {
  std::atomic<uint32_t> wanted[2];
  host_thread* thread = nullptr;
};

Sleeper* sleeper;

void new_sleeper(uint32_t (*work)(driver_queue*)) {
  renew_world();
  sleeper = ::new (allocate(sizeof(Sleeper))) Sleeper;
  world.own_work = work;
  if (host_thread_start(sleeper, "ring", &sleeper->thread) != 0) __builtin_trap();
}

uint32_t look_and_sleep(driver_queue*) {
  host_thread_clear_wakeups(sleeper->thread);
  for (uint32_t i = 0; i < 2; ++i) {
    if (sleeper->wanted[i].exchange(0, std::memory_order_relaxed) == 0) continue;
    ++world.done;
  }
  return HOST_FOREVER;
}

void sleep() {
  new_sleeper(look_and_sleep);
  (void)spawn("waker", Ends::kMay, [] {
    for (std::atomic<uint32_t>& wanted : sleeper->wanted) {
      wanted.store(1, std::memory_order_relaxed);
      host_thread_wake(sleeper->thread);
    }
  });
  (void)spawn("judge", Ends::kMust, [] { step([] { return world.done == 2; }); });
}

// The timer alone wakes the thread, again and again, whatever wakes it beside.
uint32_t look_at_clock(driver_queue*) {
  host_thread_clear_wakeups(sleeper->thread);
  step();
  return ++world.done < 3 ? 1000 : HOST_FOREVER;
}

void timer() {
  new_sleeper(look_at_clock);
  (void)spawn("waker", Ends::kMay, [] { host_thread_wake(sleeper->thread); });
  (void)spawn("judge", Ends::kMust, [] { step([] { return world.done >= 3; }); });
}

// The end of a thread: nothing of it is touched after host_thread_stop().
void stop() {
  new_sleeper(look_at_clock);
  watch_frees();
  (void)spawn("owner", Ends::kMust, [] {
    step([] { return world.done >= 1; });
    host_thread_stop(sleeper->thread);
  });
}

// --- The stack of ended I/Os ------------------------------------------------------------

struct Ended {
  blkback::LogLimits limits;
  blkback::Completions completions{{.limits = limits}};
  blkback::Slot slots[2];
  std::atomic<uint32_t> handed{0};
};

// As Queue::done() without the wake-up, which would order all, and as Queue::drain_step().
void stack() {
  renew_world();
  watch_frees();
  auto* made = ::new (allocate(sizeof(Ended))) Ended;
  for (blkback::Slot& slot : made->slots) slot.operation = HOST_IO_FLUSH;
  made->completions.expect(2, 1);
  for (uint32_t i = 0; i < 2; ++i) {
    (void)spawn("interrupt", Ends::kMust, [made, i] {
      made->slots[i].error = 0;  // plain, as the host writes it
      made->completions.add(made->slots[i]);
      made->completions.leave();
    });
  }
  (void)spawn("ring", Ends::kMust, [made] {
    uint32_t collected = 0;
    uint32_t looks = 0;
    while (collected != 2) {
      blkback::SlotList done;
      made->completions.collect({}, 1, done);
      while (blkback::Slot* slot = done.pop_front()) {
        require(slot->error == 0, "the end of an I/O is not seen");
        ++collected;
      }
      if (++looks == 4) wait_for_others();
    }
    while (!made->completions.all_left()) {
      if (++looks == 6) wait_for_others();
    }
    host_free(made, sizeof(*made));
  });
}

// The disk's first I/O after a pause: it is not taken for one that hangs since the last one.
void stalled() {
  renew_world();
  auto* made = ::new (allocate(sizeof(Ended))) Ended;
  (void)spawn("ring", Ends::kMust, [made] { made->completions.expect(1, 5000); });
  (void)spawn("survey", Ends::kMust,
              [made] { require(made->completions.stalled_ms(5001) <= 1, "an old time is read"); });
}

// --- What debugfs reads of a request ----------------------------------------------------

// Two requests, one after the other in the same slot.
void record() {
  renew_world();
  auto* made = ::new (allocate(sizeof(blkback::RequestRecord))) blkback::RequestRecord;
  (void)spawn("ring", Ends::kMust, [made] {
    blkback::Request request{};
    for (const uint64_t number : {1, 2}) {
      request.operation = number == 1 ? blkback::Operation::kFlush : blkback::Operation::kDiscard;
      request.sector = number * 8;
      request.sectors = number;
      request.segment_count = static_cast<uint16_t>(number);
      made->begin(request, number * 1000000);
      made->submitted(number * 1000000 + 2000);
      made->ended(number * 1000000 + 4000);
      if (number == 2) {  // it goes in parts
        made->submitted(number * 1000000 + 5000);
        made->ended(number * 1000000 + 4000);
      }
      made->end();
    }
  });
  (void)spawn("reader", Ends::kMust, [made] {
    driver_request_info info{};
    if (!made->read(9000000, info)) return;
    const uint64_t number = info.sectors;
    require(number == 1 || number == 2, "a request with no length");
    require(info.sector == number * 8, "a sector of another request");
    require(info.operation == (number == 1 ? kFlush : BLKIF_OP_DISCARD),
            "an operation of another request");
    require(info.segments == number, "segments of another request");
    require(info.age_us == 9000 - number * 1000, "a time of another request");
    if (info.place == DRIVER_BEFORE_DISK) require(info.disk_us == 0, "a time before the disk");
    if (info.place == DRIVER_WITH_DISK) {
      require(info.disk_us == info.age_us - 2, "a start of another request");
    }
    if (info.place == DRIVER_BACK_FROM_DISK)
      require(info.disk_us == 2, "an end of another request");
  });
}

constexpr Case kCases[] = {
    {.name = "ring",
     .claims = "one request: seen, answered, and nobody sleeps on it",
     .set_up = ring<1, true>},
    {.name = "ring-together", .claims = "two requests with one index", .set_up = ring<2, true>},
    {.name = "stack",
     .claims = "each ended I/O is collected once, before its memory ends",
     .set_up = stack},
    {.name = "stalled",
     .claims = "a disk that has just got an I/O does not hang",
     .set_up = stalled},
    {.name = "record",
     .claims = "debugfs shows a request as it was, not a mixture of two",
     .set_up = record},
    {.name = "sleep", .claims = "no wake-up is lost", .set_up = sleep, .preemptions = 2},
    {.name = "stop",
     .claims = "a thread and its timer end before their memory",
     .set_up = stop,
     .preemptions = 2},
    {.name = "timer",
     .claims = "a timer that lasts ends each sleep",
     .set_up = timer,
     .preemptions = 2},
    {.name = "ring-apart",
     .claims = "two requests with two indices",
     .set_up = ring<2, false>,
     .preemptions = 2},
};

}  // namespace

std::span<const Case> protocol_cases() { return kCases; }

}  // namespace model
