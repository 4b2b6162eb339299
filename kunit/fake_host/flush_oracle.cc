// SPDX-License-Identifier: GPL-2.0
#include "fake_host/flush_oracle.h"

#include <algorithm>
#include <iterator>

#include "fake_host/fake_host.h"
#include "support/wire.h"

namespace fake {

namespace wire = kunit::wire;
using wire::load;

namespace {

uint64_t sectors_of(const uint8_t* descriptors, uint32_t count) {
  uint64_t sectors = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const wire::Segment segment = wire::load_segment(descriptors + i * wire::kSegmentBytes);
    sectors += segment.last - segment.first + 1u;
  }
  return sectors;
}

bool flushes(uint8_t operation) {
  return operation == BLKIF_OP_FLUSH_DISKCACHE || operation == BLKIF_OP_WRITE_BARRIER;
}

bool writes(uint8_t operation) { return operation == BLKIF_OP_WRITE || flushes(operation); }

}  // namespace

void FlushOracle::note_extent(Request& request, const uint8_t* slot, bool packed) {
  const wire::Offsets& at = packed ? wire::kPacked : wire::kPadded;
  request.sector = load<uint64_t>(slot + at.sector);
  if (slot[0] != BLKIF_OP_INDIRECT) {
    // The backend refuses more segments.
    if (slot[1] <= wire::kSegmentsMost) request.sectors = sectors_of(slot + at.rest, slot[1]);
    return;
  }
  request.sectors = 1;
  const auto page = host().grants.find(load<uint32_t>(slot + at.indirect_gref));
  if (page == host().grants.end()) return;
  request.descriptors = page->second.memory;
  request.described = load<uint16_t>(slot + 2);
}

void FlushOracle::described(const void* page, const uint8_t* copy, size_t bytes) {
  Request* reader = nullptr;
  uint32_t readers = 0;
  for (auto& [key, request] : open_) {
    if (request.descriptors != page || request.described * wire::kSegmentBytes != bytes) continue;
    // Any of several matching requests may be the reader, and the next read may find other
    // descriptors.  A twin keeps the pointer: it is unknown which twins were answered already.
    if (!request.twin) request.descriptors = nullptr;
    reader = &request;
    ++readers;
  }
  if (readers == 1) reader->sectors = sectors_of(copy, reader->described);
}

void FlushOracle::note_order(const void* ring, Request& request, uint8_t operation) {
  for (const auto& [sector, version] : written_[request.device]) {
    request.needs.push_back({sector, version});
  }
  if (operation != BLKIF_OP_WRITE_BARRIER) return;
  for (const auto& [key, other] : open_) {
    if (std::get<0>(key) == ring && writes(std::get<2>(key)) && other.sectors != 0 && !other.twin) {
      request.earlier.push_back(other.number);
    }
  }
}

void FlushOracle::taken(const void* ring, uint64_t device, const uint8_t* slot, size_t bytes) {
  const bool packed = bytes == wire::kPacked.slot_bytes;
  const uint8_t operation = wire::operation_of(slot);
  if (!writes(operation)) return;
  Request request{.number = ++taken_, .device = device, .version = cache_.version()};
  note_extent(request, slot, packed);
  if (flushes(operation)) note_order(ring, request, operation);
  const Key key{ring, load<uint64_t>(slot + (packed ? wire::kPacked : wire::kPadded).id),
                operation};
  const auto [first, last] = open_.equal_range(key);
  for (auto other = first; other != last; ++other) {
    request.twin = other->second.twin = true;
    write_answered(other->second, false);  // no barrier waits for a twin
  }
  open_.add(key, std::move(request));
}

void FlushOracle::write_answered(const Request& write, bool well) {
  auto& written = written_[write.device];
  for (uint64_t at = write.sector; well && at < write.sector + write.sectors; ++at) {
    written[at] = std::max(written[at], write.version + 1);
  }
  for (auto& [key, barrier] : open_) {
    const auto place = std::find(barrier.earlier.begin(), barrier.earlier.end(), write.number);
    if (place == barrier.earlier.end()) continue;
    barrier.earlier.erase(place);
    for (uint64_t at = write.sector; well && at < write.sector + write.sectors; ++at) {
      barrier.needs.push_back({at, write.version + 1});
    }
  }
}

void FlushOracle::need_durable(const std::vector<Need>& needs, const char* what) const {
  for (const Need& need : needs) {
    if (cache_.durable(need.sector) >= need.version) continue;
    Host::broken(std::string(what) + " is answered, and the loss of the disk's cache would undo " +
                 "a write to sector " + std::to_string(need.sector));
    return;
  }
}

void FlushOracle::judge(const Request& request, uint8_t operation) {
  ++judged_;
  const bool barrier = operation == BLKIF_OP_WRITE_BARRIER;
  if (!request.earlier.empty()) Host::broken("a barrier is answered before an earlier write");
  need_durable(request.needs, barrier ? "a barrier" : "a flush");
  std::vector<Need> own;
  for (uint64_t i = 0; i < request.sectors; ++i) {
    own.push_back({request.sector + i, request.version + 1});
  }
  need_durable(own, barrier ? "the data of a barrier" : "the data of a flush");
}

void FlushOracle::answered(const void* ring, uint64_t id, uint8_t operation, int16_t status) {
  const auto [first, last] = open_.equal_range({ring, id, operation});
  if (first == last) return;
  if (first->second.twin) {
    if (++first->second.answers == std::distance(first, last)) open_.erase(first, last);
    return;
  }
  const Request request = std::move(first->second);
  open_.erase(first);
  const bool well = status == BLKIF_RSP_OKAY;
  if (request.sectors != 0) write_answered(request, well);
  if (well && flushes(operation)) judge(request, operation);
}

void FlushOracle::forget(const void* ring) {
  std::erase_if(open_, [ring](const auto& entry) { return std::get<0>(entry.first) == ring; });
}

}  // namespace fake
