// SPDX-License-Identifier: GPL-2.0
#include "support/guest.h"

#include <cstdlib>
#include <cstring>

#include "fake_host/fake_host.h"
#include "support/wire.h"

namespace kunit {

namespace {

// Grant references are unique among all guests of a case.
uint32_t next_gref() {
  auto& grants = fake::host().grants;
  return grants.empty() ? 8 : grants.rbegin()->first + 1;
}

}  // namespace

void Guest::FreeMemory::operator()(uint8_t* memory) const { std::free(memory); }

Guest::Memory Guest::allocate(uint32_t pages) {
  auto* memory = static_cast<uint8_t*>(std::aligned_alloc(4096, size_t{pages} * 4096));
  std::memset(memory, 0, size_t{pages} * 4096);
  return Memory(memory);
}

Guest::Guest(Layout layout, uint32_t ring_pages, uint32_t first_index)
    : layout_(layout),
      ring_pages_(ring_pages),
      slot_bytes_(wire::offsets(layout).slot_bytes),
      slots_(wire::slots(ring_pages * 4096, wire::offsets(layout))),
      ring_memory_(allocate(ring_pages)),
      ring_(ring_memory_.get()),
      produced_(first_index),
      shown_(first_index),
      consumed_(first_index) {
  for (uint32_t i = 0; i < ring_pages; ++i) {
    ring_refs_.push_back(next_gref());
    fake::host().grants[ring_refs_.back()] = {.memory = ring_ + size_t{i} * 4096};
  }
  req_prod() = first_index;
  rsp_prod() = first_index;
  req_event() = first_index + 1;
  rsp_event() = first_index + 1;
}

Guest::~Guest() = default;

uint8_t* Guest::slot_at(uint32_t index) {
  return ring_ + wire::kHeaderBytes + size_t{index % slots_} * slot_bytes_;
}

uint32_t& Guest::index(uint32_t which) { return reinterpret_cast<uint32_t*>(ring_)[which]; }

void Guest::show() {
  shown_ = produced_;
  req_prod() = produced_;
}

void Guest::kick() { fake::host().event(port_); }

void Guest::show_and_kick() {
  const uint32_t before = shown_;
  show();
  // RING_PUSH_REQUESTS_AND_CHECK_NOTIFY of Xen's ring.h
  if (shown_ - req_event() < shown_ - before) kick();
}

void Guest::read_answers() {
  for (; consumed_ != rsp_prod(); ++consumed_) {
    const wire::Response answer = wire::load_response(slot_at(consumed_));
    answers_.push_back({answer.id, answer.operation, answer.status});
  }
  rsp_event() = consumed_ + 1;
}

int Guest::status_of(uint64_t id) {
  read_answers();
  for (const Answer& answer : answers_) {
    if (answer.id == id) return answer.status;
  }
  return kNoAnswer;
}

int Guest::operation_of(uint64_t id) {
  read_answers();
  for (const Answer& answer : answers_) {
    if (answer.id == id) return answer.operation;
  }
  return kNoAnswer;
}

uint32_t Guest::answers() {
  read_answers();
  return static_cast<uint32_t>(answers_.size());
}

uint64_t Guest::answered_id(uint32_t index) {
  read_answers();
  return answers_.at(index).id;
}

uint32_t Guest::grant(Right right) {
  const uint32_t gref = next_gref();
  Memory memory = allocate(1);
  fake::host().grants[gref] = {.memory = memory.get(), .read_only = right == Right::kReadOnly};
  pages_[gref] = std::move(memory);
  return gref;
}

uint32_t Guest::grants(uint32_t count) {
  const uint32_t first = grant();
  for (uint32_t i = 1; i < count; ++i) (void)grant();
  return first;
}

uint8_t* Guest::page(uint32_t gref) { return pages_.at(gref).get(); }
void Guest::fill(uint32_t gref, uint8_t byte) { std::memset(page(gref), byte, 4096); }

bool Guest::holds(uint32_t gref, uint8_t byte) {
  const uint8_t* memory = page(gref);
  for (uint32_t i = 0; i < 4096; ++i) {
    if (memory[i] != byte) return false;
  }
  return true;
}

uint32_t Guest::describe(const std::vector<RawSegment>& parts) {
  const uint32_t gref = grant();
  uint8_t* at = page(gref);
  std::memset(at, 0xee, 4096);
  for (const RawSegment& part : parts) {
    wire::store_segment(at, {part.gref, part.first, part.last});
    at += wire::kSegmentBytes;
  }
  return gref;
}

IndirectAsk Guest::indirect(uint8_t operation, uint64_t id, uint64_t sector, uint32_t first,
                            uint32_t count) {
  std::vector<RawSegment> parts;
  for (uint32_t i = 0; i < count; ++i) parts.push_back({.gref = first + i});
  return {.indirect_op = operation,
          .count = static_cast<uint16_t>(count),
          .id = id,
          .sector = sector,
          .gref = describe(parts)};
}

uint32_t Guest::mappings(uint32_t gref) { return fake::host().grants.at(gref).mappings; }

uint32_t Guest::all_mappings() {
  uint32_t all = 0;
  for (const auto& [gref, memory] : pages_) all += mappings(gref);
  return all;
}

}  // namespace kunit
