// SPDX-License-Identifier: GPL-2.0
#include "queue/bounce.h"

#include <algorithm>
#include <new>

#include "host/grant.h"
#include "host/memory.h"
#include "host/page.h"

namespace blkback {

namespace {

size_t buffer_bytes(uint32_t pages) {
  static_assert(sizeof(BounceBuffer) % alignof(host_io_segment) == 0);
  return sizeof(BounceBuffer) + size_t{pages} * sizeof(host_io_segment);
}

// What a buffer and its pages take of the host's memory.
uint64_t buffer_cost(uint32_t pages) {
  return host_memory_cost(buffer_bytes(pages)) + uint64_t{pages} * wire::kPageBytes;
}

// Constructs a buffer in `memory`.  Its segments have no pages yet.
BounceBuffer* make(void* memory, uint32_t pages) {
  if (memory == nullptr) return nullptr;
  auto* buffer = ::new (memory) BounceBuffer;
  buffer->capacity = pages;
  for (host_io_segment& segment : buffer->segments()) {
    ::new (static_cast<void*>(&segment)) host_io_segment{};
  }
  return buffer;
}

void free_buffer(BounceBuffer* buffer) {
  if (buffer == nullptr) return;
  for (const host_io_segment& segment : buffer->segments()) {
    if (segment.page != nullptr) host_buffer_free(segment.page);
  }
  host_free(buffer, buffer_bytes(buffer->capacity));
}

// Calls copy() for each run of bytes of the current part that lies within one page of the
// buffer and within one segment of the guest.
template <typename Copy>
void for_each_piece(BounceBuffer& buffer, std::span<const host_io_segment> guest,
                    uint64_t part_bytes, Copy copy) {
  uint64_t skip = buffer.moved;
  uint64_t at = 0;  // bytes into the part
  for (const host_io_segment& segment : guest) {
    if (skip >= segment.bytes) {
      skip -= segment.bytes;
      continue;
    }
    auto theirs = static_cast<uint32_t>(segment.offset + skip);
    uint64_t left = std::min<uint64_t>(segment.bytes - skip, part_bytes - at);
    skip = 0;
    while (left != 0) {
      const auto ours = static_cast<uint32_t>(at % wire::kPageBytes);
      const auto bytes = static_cast<uint32_t>(std::min<uint64_t>(left, wire::kPageBytes - ours));
      copy(buffer.segments()[at / wire::kPageBytes].page, ours, segment.page, theirs, bytes);
      theirs += bytes;
      at += bytes;
      left -= bytes;
    }
    if (at == part_bytes) return;
  }
}

}  // namespace

uint32_t BounceBuffer::lay_out(uint64_t part_bytes) {
  uint32_t count = 0;
  while (part_bytes != 0) {
    const uint64_t bytes = std::min<uint64_t>(part_bytes, wire::kPageBytes);
    segments()[count++].bytes = static_cast<uint32_t>(bytes);
    part_bytes -= bytes;
  }
  return count;
}

void BounceBuffer::copy_from(std::span<const host_io_segment> guest, uint64_t part_bytes) {
  for_each_piece(
      *this, guest, part_bytes,
      [](host_page* ours, uint32_t our_offset, host_page* theirs, uint32_t their_offset,
         uint32_t bytes) { host_page_copy(ours, our_offset, theirs, their_offset, bytes); });
}

void BounceBuffer::copy_to(std::span<const host_io_segment> guest, uint64_t part_bytes) {
  for_each_piece(
      *this, guest, part_bytes,
      [](host_page* ours, uint32_t our_offset, host_page* theirs, uint32_t their_offset,
         uint32_t bytes) { host_page_copy(theirs, their_offset, ours, our_offset, bytes); });
}

Bounce::~Bounce() { free_buffer(reserve_); }

Result<void> Bounce::create() {
  reserve_ = make(host_alloc(buffer_bytes(kReservePages)), kReservePages);
  if (reserve_ == nullptr) return failure(-kEnoMem);
  reserve_identity_ = reserve_;
  for (host_io_segment& segment : reserve_->segments()) {
    segment.page = host_buffer_alloc();
    if (segment.page == nullptr) return failure(-kEnoMem);
  }
  return {};
}

uint64_t Bounce::cost() { return buffer_cost(kReservePages); }

BounceBuffer* Bounce::try_make(uint32_t pages) {
  if (!account_.try_charge(buffer_cost(pages))) {
    refused_ += buffer_cost(pages);
    return nullptr;
  }
  BounceBuffer* buffer = make(host_try_alloc(buffer_bytes(pages)), pages);
  if (buffer == nullptr) {
    account_.give_back(buffer_cost(pages));
    return nullptr;
  }
  for (host_io_segment& segment : buffer->segments()) {
    segment.page = host_buffer_try_alloc();
    if (segment.page == nullptr) {
      account_.give_back(buffer_cost(pages));
      free_buffer(buffer);
      return nullptr;
    }
  }
  return buffer;
}

BounceBuffer* Bounce::take(uint64_t bytes) {
  const auto pages = static_cast<uint32_t>((bytes + wire::kPageBytes - 1) / wire::kPageBytes);
  if (pages > kMaxPages - pages_) return nullptr;
  if (BounceBuffer* buffer = try_make(pages)) {
    pages_ += pages;
    return buffer;
  }
  BounceBuffer* buffer = reserve_;
  reserve_ = nullptr;
  return buffer;
}

void Bounce::put(BounceBuffer& buffer) {
  if (&buffer == reserve_identity_) {
    buffer.moved = 0;
    reserve_ = &buffer;
    return;
  }
  pages_ -= buffer.capacity;
  account_.give_back(buffer_cost(buffer.capacity));
  free_buffer(&buffer);
}

bool Bounce::busy(BounceBuffer* buffer) const {
  if (buffer == nullptr || buffer != reserve_identity_) return false;
  for (const host_io_segment& segment : buffer->segments()) {
    if (host_page_busy(segment.page)) return true;
  }
  return false;
}

}  // namespace blkback
