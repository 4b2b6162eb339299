// SPDX-License-Identifier: GPL-2.0
#include "fuzz/oracle.h"

#include "fake_host/fake_host.h"
#include "fuzz/require.h"
#include "support/wire.h"

namespace fuzz {

using fake::host;
using kunit::Guest;
using kunit::Layout;
namespace wire = kunit::wire;
using wire::load;

Oracle::Oracle() {
  host().at_copy = [this](const void* from, size_t bytes) { copied(from, bytes); };
  host().at_respond = [this](const void* place, uint64_t id, uint8_t operation, int16_t status) {
    responded(place, id, operation, status);
  };
}

Oracle::~Oracle() {
  host().at_copy = nullptr;
  host().at_respond = nullptr;
}

void Oracle::watch(Guest& guest, Layout layout, uint32_t first_index) {
  rings_.push_back({&guest, layout, first_index, first_index, {}});
}

void Oracle::forget_rings() {
  require(outstanding() == 0, "what was taken is answered before the ring goes");
  rings_.clear();
}

uint32_t Oracle::outstanding() const {
  uint32_t all = 0;
  for (const Ring& ring : rings_) all += static_cast<uint32_t>(ring.open.size());
  return all;
}

void Oracle::copied(const void* from, size_t bytes) {
  const auto* slot = static_cast<const uint8_t*>(from);
  for (Ring& ring : rings_) {
    const uint8_t* memory = ring.guest->memory();
    // The guest may also name the ring's first page as the page of an indirect request:
    // the copy of its descriptors starts in the ring's header.
    if (slot < memory + wire::kHeaderBytes || slot >= memory + ring.guest->ring_bytes()) continue;
    require(slot == ring.guest->slot_at(ring.taken), "requests are taken in their order");
    require(bytes == wire::offsets(ring.layout).slot_bytes, "a whole slot is copied");
    require(ring.taken - ring.answered < ring.guest->slots(), "answers do not fall behind");
    take(ring, slot);
    return;
  }
}

void Oracle::take(Ring& ring, const uint8_t* slot) {
  ++ring.taken;
  const auto id = load<uint64_t>(slot + wire::offsets(ring.layout).id);
  const uint8_t operation = wire::operation_of(slot);
  // A response may belong to any of the open requests with its id and operation.
  Verdict verdict = judge(slot, ring.layout);
  const auto [first, last] = ring.open.equal_range({id, operation});
  for (auto other = first; other != last; ++other) verdict = other->second = Verdict::kAny;
  ring.open.insert({{id, operation}, verdict});
}

void Oracle::responded(const void* place, uint64_t id, uint8_t operation, int16_t status) {
  for (Ring& ring : rings_) {
    if (place != ring.guest->slot_at(ring.answered)) continue;
    const auto [first, last] = ring.open.equal_range({id, operation});
    require(first != last, "an answer names a request that was taken and is not answered");
    ++ring.answered;
    const Verdict verdict = first->second;
    ring.open.erase(first);
    switch (verdict) {
      case Verdict::kUnknown:
        require(status == BLKIF_RSP_EOPNOTSUPP, "what is not offered is not supported");
        break;
      case Verdict::kRefused:
        require(status == BLKIF_RSP_ERROR, "what is malformed is refused");
        break;
      case Verdict::kServed:
        require(!smooth || status == BLKIF_RSP_OKAY, "what is right is served");
        break;
      case Verdict::kAny:
        require(
            status == BLKIF_RSP_OKAY || status == BLKIF_RSP_ERROR || status == BLKIF_RSP_EOPNOTSUPP,
            "the status is one of the protocol");
        break;
    }
    return;
  }
  require(false, "an answer stands in the next slot of a ring");
}

Oracle::Verdict Oracle::judge(const uint8_t* slot, Layout layout) const {
  const wire::Offsets& at = wire::offsets(layout);
  switch (slot[0]) {
    case BLKIF_OP_READ:
    case BLKIF_OP_WRITE:
    case BLKIF_OP_FLUSH_DISKCACHE:
    case BLKIF_OP_WRITE_BARRIER:
      return judge_direct(slot, at);
    case BLKIF_OP_DISCARD: {
      const auto sectors = load<uint64_t>(slot + at.rest);
      if (sectors == 0) return Verdict::kRefused;
      if (!discard) return Verdict::kUnknown;
      return judge_range(load<uint64_t>(slot + at.sector), sectors);
    }
    case BLKIF_OP_INDIRECT: {
      const auto segments = load<uint16_t>(slot + 2);
      if (slot[1] > BLKIF_OP_WRITE || segments == 0 || segments > 256) return Verdict::kRefused;
      if (slot[1] == BLKIF_OP_WRITE && read_only) return Verdict::kRefused;
      return Verdict::kAny;
    }
    default:
      return Verdict::kUnknown;
  }
}

Oracle::Verdict Oracle::judge_direct(const uint8_t* slot, const wire::Offsets& at) const {
  const uint8_t operation = slot[0];
  const uint8_t segments = slot[1];
  if (segments > wire::kSegmentsMost) return Verdict::kRefused;
  if (segments == 0 && operation <= BLKIF_OP_WRITE) return Verdict::kRefused;
  bool known = true;
  uint64_t sectors = 0;
  for (uint32_t i = 0; i < segments; ++i) {
    const auto [gref, first, last] = wire::load_segment(slot + at.rest + i * wire::kSegmentBytes);
    if (first > last || last > 7) return Verdict::kRefused;
    sectors += last - first + 1u;
    const auto grant = host().grants.find(gref);
    // A read-only grant can serve a write, but not when grants are persistent: the oracle
    // does not model that.  A grant that was made to fail still fails after a reconnection.
    if (grant == host().grants.end() || grant->second.read_only || grant->second.status != 0) {
      known = false;
    }
  }
  if (segments == 0) return Verdict::kServed;
  if (operation != BLKIF_OP_READ && read_only) return Verdict::kRefused;
  const Verdict place = judge_range(load<uint64_t>(slot + at.sector), sectors);
  return place == Verdict::kServed && !known ? Verdict::kAny : place;
}

Oracle::Verdict Oracle::judge_range(uint64_t sector, uint64_t sectors) const {
  const uint64_t size = host().geometry.sectors;
  if (sectors > size || sector > size - sectors) return Verdict::kRefused;
  const uint32_t block = host().geometry.logical_block_bytes / 512;
  if (block != 0 && (sector % block != 0 || sectors % block != 0)) return Verdict::kRefused;
  return Verdict::kServed;
}

}  // namespace fuzz
