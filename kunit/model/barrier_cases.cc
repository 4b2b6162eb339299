// SPDX-License-Identifier: GPL-2.0
// Barriers over two rings of a disk.  The gates, the order that they share, the rings and the
// threads are the driver's own code.  A round is one of Queue::round(), without what has nothing
// to do with barriers; the disk ends each I/O before its ring's next round.
#include <new>

#include "cases.h"
#include "host/grant.h"
#include "queue/queue.h"
#include "world.h"

namespace model {
namespace {

using blkback::Operation;
using blkback::Slot;

constexpr uint32_t kNumbers = 8;

// The requests of both rings by their numbers: a bit for each.
struct Requests {
  View known_view;            // what the frontend then knows
  uint32_t before[kNumbers];  // those that must have ended before this one begins
  uint32_t all;
  uint32_t barriers;
  uint32_t begun;
  uint32_t ended;
  uint32_t known;  // 1: the frontend knows that a barrier was taken
};

Requests requests;

// What the requests leave on the disk.  Plain: an end that does not happen before what must follow
// it is a race.
uint8_t* left;

void begins(const Slot& slot) {
  const auto number = static_cast<uint32_t>(slot.sector);
  const bool barrier = slot.requested == Operation::kBarrier;
  const uint32_t with_disk = requests.begun & ~requests.ended;
  require((requests.begun >> number & 1) == 0, "a request begins twice");
  require((requests.before[number] & ~requests.ended) == 0,
          "a request begins before an earlier one has ended");
  require((with_disk & requests.barriers) == 0, "a request begins beside a barrier");
  require(!barrier || with_disk == 0, "a barrier begins beside a write");
  for (uint32_t other = 0; other < kNumbers; ++other) {
    if ((requests.ended >> other & 1) == 0) continue;
    if (barrier || (requests.barriers >> other & 1) != 0) {
      plain(left + other, 1, false, MODEL_CALLER);
    }
  }
  requests.begun |= 1U << number;
}

void ends(const Slot& slot) {
  left[slot.sector] = 1;
  requests.ended |= 1U << slot.sector;
}

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
    begins(*slot);
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
      (requests.barriers >> slot.sector & 1) != 0 ? Operation::kBarrier : Operation::kDiscard;
  ring.take(raw);
  if (gate.admit(slot)) batch.push_back(slot);
}

// As Queue::round().
bool Lane::round() {
  host_thread_clear_wakeups(thread);
  gate.look();
  bool progress = !with_disk.empty();
  while (Slot* slot = with_disk.pop_front()) {
    ends(*slot);
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
  // The frontend sees the answer to a read behind the barrier: reads do not wait.
  if (this == lanes[1] && gate.up() && gate.holds_some()) {
    release_to(requests.known_view);
    requests.known = 1;
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
  requests = Requests{};
  world.without_timers = true;
  is_state(&requests, sizeof(requests), &requests.known_view, 1);
  left = static_cast<uint8_t*>(allocate(kNumbers));
  is_state(left, kNumbers, nullptr, 0);
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

void all_have_ended() {
  require(requests.ended == requests.all, "waits for ever: a request has not ended");
}

// The frontend puts a write before a barrier of the other ring, and one more as soon as it knows
// that the barrier was taken.  A write behind the barrier is in the same ring.
void barrier() {
  new_lanes();
  requests.all = 0b110011;
  requests.barriers = 1U << 4;
  requests.before[4] = 1U << 0;
  requests.before[1] = requests.before[5] = 1U << 4;
  push(0, 1);
  push(1, 2);
  (void)spawn("guest", Ends::kMust, [] {
    step([] { return requests.known != 0; });
    observe(requests.known_view);
    push(0, 2);
    host_thread_wake(lanes[0]->thread);
  });
}

// The second write comes at any time.
void barrier_late() {
  new_lanes();
  requests.all = 0b010011;
  requests.barriers = 1U << 4;
  requests.before[4] = 1U << 0;
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
  requests.all = 0b110011;
  requests.barriers = 1U << 1 | 1U << 5;
  requests.before[1] = requests.before[5] = 1U << 0 | 1U << 4;
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
