// SPDX-License-Identifier: GPL-2.0
#include "queue/resources.h"

#include <utility>

namespace blkback {

Result<void> Resources::create(bool copies) {
  Result<void> created = mapper_.create();
  if (created) created = purger_.create();
  if (created) created = blocks_.create();
  if (created && copies) created = bounce_.create();
  return created;
}

bool Resources::take_block(Slot& slot) {
  if (slot.block == nullptr) slot.block = blocks_.take(slot.granted);
  if (slot.block == nullptr && make_room()) slot.block = blocks_.take(slot.granted);
  return slot.block != nullptr;
}

bool Resources::take_buffer(Slot& slot) {
  const uint64_t bytes = slot.sectors * wire::kSectorBytes;
  if (slot.bounce == nullptr) slot.bounce = bounce_.take(bytes);
  if (slot.bounce == nullptr && make_room()) slot.bounce = bounce_.take(bytes);
  return slot.bounce != nullptr;
}

void Resources::map(const Limits& limits, uint64_t now_ms) {
  const uint64_t calls = mapper_.counters().map_calls.get();
  const std::span<GrantJob* const> jobs(jobs_, std::exchange(jobs_wanted_, 0));
  size_t first = 0;
  uint32_t grants = 0;
  for (size_t i = 0; i < jobs.size(); ++i) {
    const auto wanted = static_cast<uint32_t>(jobs[i]->uses.size());
    if (grants + wanted > Mapper::kCapacity) {
      mapper_.map(jobs.subspan(first, i - first), limits, now_ms);
      first = i;
      grants = 0;
    }
    grants += wanted;
  }
  if (first != jobs.size()) mapper_.map(jobs.subspan(first), limits, now_ms);
  if (mapper_.counters().map_calls.get() != calls) clock_.took_long();
}

void Resources::copy_from_guest(std::span<Slot* const> slots) {
  if (copier_.copy_from_guest(slots)) clock_.took_long();
}

void Resources::copy_to_guest(std::span<Slot* const> slots) {
  if (copier_.copy_to_guest(slots)) clock_.took_long();
}

bool Resources::busy(Slot& slot) const {
  // A private page is never the frontend's.
  if (slot.grant_copied) return false;
  slot.uses = slot.all_grants();
  return Mapper::busy(slot) || bounce_.busy(slot.bounce);
}

void Resources::release(std::span<Slot* const> slots, uint64_t now_ms) {
  uint32_t jobs = 0;
  for (Slot* slot : slots) {
    if (slot->grant_copied) {
      copier_.put_pages(*slot);
      continue;
    }
    slot->uses = slot->all_grants();
    jobs_[jobs++] = slot;
  }
  if (jobs == 0) return;
  const uint64_t calls = mapper_.counters().unmap_calls.get();
  mapper_.release(std::span<GrantJob* const>(jobs_, jobs), now_ms);
  if (mapper_.counters().unmap_calls.get() != calls) clock_.took_long();
  pool_.wake_waiters();
  for (Slot* slot : slots) {
    if (slot->block != nullptr) blocks_.put(*std::exchange(slot->block, nullptr));
    if (slot->bounce != nullptr) bounce_.put(*std::exchange(slot->bounce, nullptr));
  }
}

void Resources::release_to_wait(SlotList& slots, SlotList& waiting, uint64_t now_ms) {
  uint32_t jobs = 0;
  while (Slot* slot = slots.pop_front()) {
    if (slot->bounce != nullptr) bounce_.put(*std::exchange(slot->bounce, nullptr));
    if (slot->indirect && !slot->descriptors_unread) {
      slot->uses = slot->all_grants().first(1);
      jobs_[jobs++] = slot;
    }
    waiting.push_back(*slot);
  }
  if (jobs != 0) mapper_.release(std::span<GrantJob* const>(jobs_, jobs), now_ms);
}

uint32_t Resources::purge_oldest(uint32_t count) {
  PersistentGrantList purged;
  mapper_.persistent().purge_oldest(count, purged);
  const uint32_t purged_count = purged.size();
  purger_.add(purged);
  return purged_count;
}

void Resources::purge_due(const Limits& limits, uint64_t now_ms) {
  PersistentGrantList purged;
  mapper_.persistent().purge_due(limits, now_ms, purged);
  purger_.add(purged);
}

void Resources::purge_idle() {
  PersistentGrantList purged;
  mapper_.persistent().purge_idle(purged);
  purger_.add(purged);
}

}  // namespace blkback
