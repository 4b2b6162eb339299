// SPDX-License-Identifier: GPL-2.0
// The hostile guest of the ring's fuzz target: its requests, and its writes to shared
// memory.
#include "fuzz/ring_fuzz.h"
#include "support/wire.h"

namespace fuzz {

using fake::host;
using kunit::RawRequest;
using kunit::RawSegment;
namespace wire = kunit::wire;

// Mostly a granted page; now and then some number, or the ring's first page.
uint32_t RingFuzz::gref() {
  const uint8_t choice = input_.byte();
  if (choice < 248) return grefs_[choice % kPages];
  if (choice < 252) return choice;
  return bench_->guest().ring_ref(0);
}

// Mostly a sector on the disk.
uint64_t RingFuzz::sector() {
  const uint8_t choice = input_.byte();
  if (choice < 0xf0) return choice;
  if (choice < 0xf8) return 240 + input_.below(32);
  return ~uint64_t{0} - input_.byte();
}

// Mostly a whole page.
RawSegment RingFuzz::part() {
  const uint8_t choice = input_.byte();
  if (choice < 0x80) return {.gref = gref()};
  if (choice < 0xf0) {
    const auto first = static_cast<uint8_t>(choice & 7);
    return {.gref = gref(), .first = first, .last = first};
  }
  return {.gref = gref(), .first = input_.byte(), .last = input_.byte()};
}

void RingFuzz::put_direct() {
  const uint8_t bits = input_.byte();
  RawRequest request{
      .operation = static_cast<uint8_t>(bits & 3), .id = next_id_++, .sector = sector()};
  uint32_t parts = bits >> 4;
  request.count = static_cast<uint8_t>(parts);
  if (parts > wire::kSegmentsMost) parts = wire::kSegmentsMost;
  for (uint32_t i = 0; i < parts; ++i) request.parts[i] = part();
  if ((bits & 4) != 0) request.id = input_.byte();
  guest().put(request);
}

void RingFuzz::put_indirect() {
  const uint8_t bits = input_.byte();
  const uint32_t page = gref();
  const uint32_t described = input_.below(64);
  uint32_t count = described;
  if ((bits & 2) != 0) count = input_.below(1024);
  const auto grant = host().grants.find(page);
  if (grant != host().grants.end() && (bits & 4) == 0) {
    // The rest of the page keeps its bytes, even when `count` is larger.
    uint8_t* at = grant->second.memory;
    const RawSegment pattern = part();
    for (uint32_t i = 0; i < described; ++i, at += wire::kSegmentBytes) {
      const RawSegment descriptor = (bits & 8) != 0 ? part() : pattern;
      wire::store_segment(at, {descriptor.gref, descriptor.first, descriptor.last});
    }
  }
  const auto operation = static_cast<uint8_t>((bits & 0xe0) == 0xe0 ? input_.byte() : bits & 1);
  guest().put(kunit::IndirectAsk{.indirect_op = operation,
                                 .count = static_cast<uint16_t>(count),
                                 .id = next_id_++,
                                 .sector = sector(),
                                 .gref = page});
}

void RingFuzz::put_discard() {
  const uint8_t bits = input_.byte();
  guest().put(kunit::DiscardAsk{.flag = static_cast<uint8_t>(bits & 1),
                                .id = next_id_++,
                                .sector = sector(),
                                .sectors = (bits & 2) != 0 ? sector() : 8u * (bits >> 3)});
}

// Overwrites the start of a slot with bytes of the input; the rest keeps its bytes.
void RingFuzz::put_raw() {
  const uint32_t at = oracle_->next_request(ring_) + input_.below(8);
  uint8_t* slot = guest().slot_at(at);
  const uint32_t bytes = input_.below(wire::kPadded.slot_bytes);
  for (uint32_t i = 0; i < bytes; ++i) slot[i] = input_.byte();
}

void RingFuzz::scribble_slot() {
  uint8_t* slot = guest().slot_at(oracle_->next_request(ring_) + input_.below(4));
  slot[input_.below(wire::kPacked.slot_bytes)] = input_.byte();
}

void RingFuzz::scribble_page() {
  const auto grant = host().grants.find(gref());
  if (grant != host().grants.end()) grant->second.memory[input_.below(4096)] = input_.byte();
}

void RingFuzz::move_index() {
  const uint8_t which = input_.byte();
  uint32_t& index = guest().index(which & 3);
  if ((which & 4) != 0) {
    index = input_.word();
  } else {
    index += input_.byte() - 128u;
  }
}

void RingFuzz::show_and_kick() {
  guest().show();
  guest().kick();
}

void RingFuzz::disturb() {
  switch (input_.below(8)) {
    case 0:
      move_index();
      break;
    case 1:
      scribble_slot();
      break;
    case 2:
      scribble_page();
      break;
    case 3:
      end_io();
      break;
    case 4:
      guest().kick();
      break;
    case 5:
      put_direct();
      show_and_kick();
      break;
    case 6:
      put_indirect();
      show_and_kick();
      break;
    default:
      ring_ = (ring_ + 1) % setup_.queues;
      break;
  }
  if (input_.flag()) host().interrupt_at = 1u + input_.below(16);
}

}  // namespace fuzz
