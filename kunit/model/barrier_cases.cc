// SPDX-License-Identifier: GPL-2.0
// Barriers over two rings of a disk.  The gates, the order that they share, the rings and the
// threads are the driver's own code.  A round is one of Queue::round(), without what has nothing
// to do with barriers; the disk ends each I/O before its ring's next round.
#include <new>

#include "cases.h"
#include "host/grant.h"
#include "judge.h"
#include "queue/queue.h"
#include "world.h"

namespace model {
namespace {

using blkback::Operation;
using blkback::Slot;

// The frontend has seen the answer to a read behind the barrier.
struct Known {
  View view;
  uint32_t is_taken;
};

Known known;

// A ring, its thread, and what belongs to that.
struct Lane : driver_queue {
  blkback::wire::Ring ring;
  blkback::BarrierGate gate;
  blkback::Batch batch;
  blkback::SlotList with_disk;
  host_thread* thread = nullptr;
  uint32_t first = 0;  // the number of the ring's first request
  Slot slots[3];

  bool round();
  void take();
  void start();
};

Lane* lanes[2];
blkback::WriteOrder* order;

void Lane::start() {
  for (Slot* slot : batch.slots()) {
    judge.begins(static_cast<uint32_t>(slot->sector));
    with_disk.push_back(*slot);
  }
  batch.clear();
}

void Lane::take() {
  blkback::wire::RawSlot raw;
  Slot& slot = slots[ring.next_index()];
  slot.index = ring.next_index();
  slot.sector = first + slot.index;
  slot.requested =
      (judge.barriers >> slot.sector & 1) != 0 ? Operation::kBarrier : Operation::kDiscard;
  ring.take(raw);
  if (gate.admit(slot)) batch.push_back(slot);
}

// As Queue::round().
bool Lane::round() {
  host_thread_clear_wakeups(thread);
  gate.look();
  bool progress = !with_disk.empty();
  while (Slot* slot = with_disk.pop_front()) {
    judge.ends(static_cast<uint32_t>(slot->sector));
    gate.ended(*slot);
  }
  batch.clear();
  gate.release(batch);
  progress |= !batch.empty();
  start();
  uint32_t waiting = ring.pending().value_or(0);
  progress |= waiting != 0;
  if (waiting != 0) gate.look();
  while (waiting-- != 0) take();
  start();
  // Reads do not wait for the barrier: one behind it is answered.
  if (this == lanes[1] && gate.up() && gate.holds_some()) {
    release_to(known.view);
    known.is_taken = 1;
  }
  if (gate.up()) {
    if (gate.all_before_begun(ring.next_index()) ||
        (!gate.holds_some() && ring.pending().value_or(0) == 0)) {
      gate.acknowledge();
    }
    gate.tell_raiser();
  }
  return !with_disk.empty() || (progress && gate.holds_some());
}

// All that a round needs is in its lane: is_state().
uint32_t work(driver_queue* queue) {
  do {
    start_over();
  } while (static_cast<Lane*>(queue)->round());
  return HOST_FOREVER;
}

// The frontend has put `produced` requests into the ring since its beginning.
void push(uint32_t lane, uint32_t produced) {
  fence(__ATOMIC_RELEASE, MODEL_CALLER);
  store(ring_page(lane), sizeof(produced), produced, __ATOMIC_RELAXED, MODEL_CALLER);
}

void new_lanes() {
  renew_world();
  world.own_work = work;
  renew_judge();
  known = Known{};
  world.without_timers = true;
  is_state(&known, sizeof(known), &known.view, 1);
  order = ::new (allocate(sizeof(*order))) blkback::WriteOrder;
  is_state(order, sizeof(*order), nullptr, 0);
  for (const uint32_t i : {0U, 1U}) {
    void* page = nullptr;
    (void)host_ring_map(nullptr, &i, 1, &page);
    auto ring = blkback::wire::Ring::attach(page, HOST_PAGE_BYTES, blkback::wire::Layout::kNative);
    auto* lane = ::new (allocate(sizeof(Lane))) Lane;
    lanes[i] = lane;
    is_state(lane, sizeof(*lane), nullptr, 0);
    lane->ring = *ring;
    lane->first = i * 4;
    if (host_thread_start(lane, "ring", &lane->thread) != 0) __builtin_trap();
    lane->gate.join(*order, lane->thread, lane->ring);
  }
}

// The frontend puts a write before a barrier of the other ring, and one more as soon as it knows
// that the barrier was taken.  A write behind the barrier is in the same ring.
void barrier() {
  new_lanes();
  judge.all = 0b110011;
  judge.barriers = 1U << 4;
  judge.after[4] = 1U << 0;
  judge.after[1] = judge.after[5] = 1U << 4;
  push(0, 1);
  push(1, 2);
  (void)spawn("guest", Ends::kMust, [] {
    step([] { return known.is_taken != 0; });
    observe(known.view);
    push(0, 2);
    host_thread_wake(lanes[0]->thread);
  });
}

// The second write comes at any time.
void barrier_late() {
  new_lanes();
  judge.all = 0b010011;
  judge.barriers = 1U << 4;
  judge.after[4] = 1U << 0;
  push(0, 1);
  push(1, 1);
  (void)spawn("guest", Ends::kMust, [] {
    push(0, 2);
    host_thread_wake(lanes[0]->thread);
  });
}

// Each ring has a write and a barrier behind it.
void barriers() {
  new_lanes();
  judge.all = 0b110011;
  judge.barriers = 1U << 1 | 1U << 5;
  judge.after[1] = judge.after[5] = 1U << 0 | 1U << 4;
  push(0, 2);
  push(1, 2);
}

constexpr Case kCases[] = {
    {.name = "barrier",
     .claims = "a barrier orders the writes of two rings",
     .set_up = barrier,
     .run_ended = all_have_ended,
     .preemptions = 2},
    {.name = "barrier-late",
     .claims = "a write comes while a barrier is raised",
     .set_up = barrier_late,
     .run_ended = all_have_ended,
     .preemptions = 2},
    {.name = "barriers",
     .claims = "of two barriers one is up at a time",
     .set_up = barriers,
     .run_ended = all_have_ended,
     .preemptions = 2},
};

}  // namespace

std::span<const Case> barrier_cases() { return kCases; }

}  // namespace model
