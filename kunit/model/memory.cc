// SPDX-License-Identifier: GPL-2.0
#include "memory.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "hash.h"

namespace model {

void Memory::reset() {
  std::memset(views_, 0, sizeof(views_));
  std::memset(&full_, 0, sizeof(full_));
  for (uint32_t thread = 0; thread < kThreads; ++thread) views_[thread].now.clock[thread] = 1;
  for (Location& at : locations_) at.count = 0;
}

void Memory::first(uint32_t location, uint64_t value) { (void)add(location, 0, value); }

uint32_t Memory::add(uint32_t location, uint32_t place, uint64_t value) {
  Location& at = locations_[location];
  const uint32_t number = at.count++;
  if (at.count > kMessages) {
    std::puts("too many stores to one location");
    std::exit(2);
  }
  for (uint32_t i = number; i > place; --i) {
    at.order[i] = at.order[i - 1];
    at.place[at.order[i]] = static_cast<uint8_t>(i);
  }
  at.order[place] = static_cast<uint8_t>(number);
  at.place[number] = static_cast<uint8_t>(place);
  at.messages[number].value = value;
  at.messages[number].bound = false;
  std::memset(&at.messages[number].view, 0, sizeof(View));
  return number;
}

void Memory::join(View& view, const View& other) const {
  for (uint32_t i = 0; i < kLocations; ++i) {
    if (view.at[i] == other.at[i]) continue;
    const Location& at = locations_[i];
    if (at.place[other.at[i]] > at.place[view.at[i]]) view.at[i] = other.at[i];
  }
  for (uint32_t i = 0; i < kThreads; ++i) {
    if (other.clock[i] > view.clock[i]) view.clock[i] = other.clock[i];
  }
}

void Memory::see(uint32_t thread, uint32_t location, uint32_t message, bool acquire) {
  ThreadViews& views = views_[thread];
  views.now.at[location] = static_cast<uint8_t>(message);
  join(acquire ? views.now : views.acquired, locations_[location].messages[message].view);
}

void Memory::leave_view(uint32_t thread, uint32_t location, uint32_t message, bool release,
                        const View* sequence) {
  ThreadViews& views = views_[thread];
  views.now.at[location] = static_cast<uint8_t>(message);
  View& view = locations_[location].messages[message].view;
  view = release ? views.now : views.released;
  view.at[location] = static_cast<uint8_t>(message);
  if (sequence != nullptr) join(view, *sequence);
  if (release) views.passed_on = true;
}

uint64_t Memory::load(uint32_t thread, uint32_t location, bool acquire) {
  const Location& at = locations_[location];
  const uint32_t behind = at.count - 1 - at.place[views_[thread].now.at[location]];
  const uint32_t back = choose_(behind + 1);
  was_newest_ = back == 0;
  const uint32_t message = at.order[at.count - 1 - back];
  see(thread, location, message, acquire);
  return at.messages[message].value;
}

void Memory::store(uint32_t thread, uint32_t location, uint64_t value, uint64_t mask,
                   bool release) {
  const Location& at = locations_[location];
  uint32_t places[kMessages];
  uint32_t count = 0;
  for (uint32_t place = at.count; place > at.place[views_[thread].now.at[location]]; --place) {
    if (!at.messages[at.order[place - 1]].bound) places[count++] = place;
  }
  const uint32_t place = places[choose_(count)];
  was_newest_ = place == at.count;
  const uint64_t before = at.messages[at.order[place - 1]].value;
  leave_view(thread, location, add(location, place, (before & ~mask) | value), release, nullptr);
}

void Memory::fence(uint32_t thread, bool acquire, bool release, bool full) {
  ThreadViews& views = views_[thread];
  if (acquire || full) join(views.now, views.acquired);
  if (full) {
    join(views.now, full_);
    full_ = views.now;
  }
  if (release || full) {
    views.released = views.now;
    views.passed_on = true;
  }
}

void Memory::settle() {
  for (ThreadViews& views : views_) {
    for (uint32_t i = 0; i < kLocations; ++i) {
      const Location& at = locations_[i];
      if (at.count != 0) views.now.at[i] = at.order[at.count - 1];
    }
  }
}

uint16_t Memory::clock(uint32_t thread) {
  ThreadViews& views = views_[thread];
  if (std::exchange(views.passed_on, false)) ++views.now.clock[thread];
  return views.now.clock[thread];
}

void Memory::publish(uint32_t thread, View& view) {
  fence(thread, true, true, true);
  join(view, views_[thread].released);
}

void Memory::release_to(uint32_t thread, View& view) {
  join(view, views_[thread].now);
  views_[thread].passed_on = true;
}

// What is behind the views of all threads is never read, and nothing is stored before it.
void Memory::forget_old(uint32_t threads, uint32_t locations) {
  for (uint32_t i = 0; i < locations; ++i) {
    const Location& at = locations_[i];
    uint32_t oldest = at.count == 0 ? 0 : at.count - 1;
    for (uint32_t thread = 0; thread < kThreads && at.count != 0; ++thread) {
      if ((threads >> thread & 1) == 0) continue;
      oldest = std::min<uint32_t>(oldest, at.place[views_[thread].now.at[i]]);
    }
    oldest_[i] = static_cast<uint8_t>(oldest);
  }
}

uint64_t Memory::hash(uint64_t seed, const View& view, uint32_t locations) const {
  uint64_t word = 0;
  for (uint32_t i = 0; i < locations; ++i) {
    const uint8_t place = locations_[i].count != 0 ? locations_[i].place[view.at[i]] : 0;
    word = word << 8 | static_cast<uint8_t>(std::max(place, oldest_[i]) - oldest_[i]);
    if (i % 8 == 7) seed = mix(seed, word);
  }
  seed = mix(seed, word);
  uint64_t clocks[kThreads / 4];
  static_assert(sizeof(clocks) == sizeof(view.clock));
  std::memcpy(clocks, view.clock, sizeof(clocks));
  for (const uint64_t clock : clocks) seed = mix(seed, clock);
  return seed;
}

uint64_t Memory::hash(uint64_t seed, uint32_t threads, uint32_t locations) const {
  for (uint32_t i = 0; i < threads; ++i) {
    seed = hash(seed, views_[i].now, locations);
    seed = hash(seed, views_[i].acquired, locations);
    seed = mix(hash(seed, views_[i].released, locations), views_[i].passed_on);
  }
  seed = hash(seed, full_, locations);
  for (uint32_t i = 0; i < locations; ++i) {
    const Location& at = locations_[i];
    seed = mix(seed, at.count - oldest_[i]);
    for (uint32_t place = oldest_[i]; place < at.count; ++place) {
      const Message& message = at.messages[at.order[place]];
      seed = hash(mix(seed, message.value * 2 + message.bound), message.view, locations);
    }
  }
  return seed;
}

}  // namespace model
