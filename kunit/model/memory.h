// SPDX-License-Identifier: GPL-2.0
// A weak memory, as C++'s model and arm64 have it: each location has a list of messages, and
// each thread has a view, the newest message of each location that it must not look behind.
//
// A load may return any message that the thread's view allows.  A store adds a message, not
// always as the newest.  A message carries a view; an acquire, or a later acquire fence, joins
// that view to the reader's.  A full fence (seq_cst, smp_mb()) also joins one global view.
// This is the promising semantics (Kang et al., POPL 2017) without promises.
//
// BEWARE: without promises no store is seen before an earlier load of its thread was made.
// The clocks in the views catch that where memory is reused or freed: see explore.h.
#pragma once

#include <cstdint>

namespace model {

inline constexpr uint32_t kThreads = 8;
inline constexpr uint32_t kLocations = 64;
inline constexpr uint32_t kMessages = 60;

struct View {
  uint8_t at[kLocations];    // the number of a message
  uint16_t clock[kThreads];  // what each thread had done, for races
};

struct Message {
  uint64_t value;
  bool bound;  // a read-modify-write has read it: nothing goes between the two
  View view;
};

struct Location {
  uint32_t count;
  uint8_t place[kMessages];  // of each message in `order`
  uint8_t order[kMessages];  // the messages, oldest first
  Message messages[kMessages];
};

struct ThreadViews {
  View now;        // what the thread has seen
  View acquired;   // what an acquire fence adds
  View released;   // what a release fence has left for later relaxed stores
  bool passed_on;  // others may have got the thread's clock
};

// Chooses one of `count` ways to go on.
using Choose = uint32_t (*)(uint32_t count);

class Memory {
 public:
  explicit Memory(Choose choose) : choose_(choose) {}

  void reset();
  [[nodiscard]] bool known(uint32_t location) const { return locations_[location].count != 0; }
  void first(uint32_t location, uint64_t value);

  uint64_t load(uint32_t thread, uint32_t location, bool acquire);
  // The value is `(old & ~mask) | value`, where `old` is what the message before it has.
  void store(uint32_t thread, uint32_t location, uint64_t value, uint64_t mask, bool release);
  // `change` returns false when nothing is to be stored; then it is a load with `load_acquire`.
  template <typename Change>
  uint64_t modify(uint32_t thread, uint32_t location, bool acquire, bool release, Change change,
                  bool load_acquire = false);
  void fence(uint32_t thread, bool acquire, bool release, bool full);

  // Time passes: every store becomes visible to all, in no order.
  void settle();

  // The thread's clock for an access that is not to race with others.
  [[nodiscard]] uint16_t clock(uint32_t thread);

  // For the kernel's own objects, whose orders are not under test.
  void publish(uint32_t thread, View& view);
  void release_to(uint32_t thread, View& view);
  void observe(uint32_t thread, const View& view) { join(views_[thread].now, view); }

  [[nodiscard]] uint64_t newest(uint32_t location) const {
    const Location& at = locations_[location];
    return at.messages[at.order[at.count - 1]].value;
  }
  [[nodiscard]] bool was_newest() const { return was_newest_; }
  [[nodiscard]] const View& now(uint32_t thread) const { return views_[thread].now; }

  // Forgets for hash() the messages that no thread may read any more.  `threads`: a bit for each
  // that has not ended.
  void forget_old(uint32_t threads, uint32_t locations);
  // Of all that may matter to what happens next.
  [[nodiscard]] uint64_t hash(uint64_t seed, uint32_t threads, uint32_t locations) const;
  [[nodiscard]] uint64_t hash(uint64_t seed, const View& view, uint32_t locations) const;

 private:
  void join(View& view, const View& other) const;
  uint32_t add(uint32_t location, uint32_t place, uint64_t value);
  void see(uint32_t thread, uint32_t location, uint32_t message, bool acquire);
  void leave_view(uint32_t thread, uint32_t location, uint32_t message, bool release,
                  const View* sequence);

  Choose choose_;
  bool was_newest_ = true;
  ThreadViews views_[kThreads];
  View full_;  // of the full fences
  Location locations_[kLocations];
  uint8_t oldest_[kLocations];  // the place of the oldest message that is not forgotten
};

template <typename Change>
uint64_t Memory::modify(uint32_t thread, uint32_t location, bool acquire, bool release,
                        Change change, bool load_acquire) {
  Location& at = locations_[location];
  uint32_t found[kMessages];
  uint32_t count = 0;
  // The newest first.
  for (uint32_t place = at.count; place-- > at.place[views_[thread].now.at[location]];) {
    uint64_t value = at.messages[at.order[place]].value;
    if (!at.messages[at.order[place]].bound || !change(value)) found[count++] = place;
  }
  const uint32_t place = found[choose_(count)];
  const uint32_t message = at.order[place];
  const uint64_t old = at.messages[message].value;
  uint64_t value = old;
  const bool stores = change(value);
  was_newest_ = place + 1 == at.count;
  see(thread, location, message, stores ? acquire : load_acquire);
  if (!stores) return old;
  at.messages[message].bound = true;
  leave_view(thread, location, add(location, place + 1, value), release,
             &at.messages[message].view);
  return old;
}

}  // namespace model
