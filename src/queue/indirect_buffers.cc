// SPDX-License-Identifier: GPL-2.0
#include "queue/indirect_buffers.h"

#include <new>

#include "host/memory.h"

namespace blkback {

namespace {
size_t block_bytes(uint32_t capacity) {
  static_assert(sizeof(IndirectBuffer) % alignof(GrantUse) == 0);
  static_assert(sizeof(GrantUse) % alignof(host_io_segment) == 0);
  return sizeof(IndirectBuffer) + (size_t{capacity} + 1) * sizeof(GrantUse) +
         size_t{capacity} * sizeof(host_io_segment);
}

void free_block(IndirectBuffer* block) {
  if (block != nullptr) host_free(block, block_bytes(block->capacity));
}
}  // namespace

IndirectBuffer* IndirectBuffers::make(void* memory, uint32_t capacity) {
  if (memory == nullptr) return nullptr;
  auto* block = ::new (memory) IndirectBuffer;
  block->capacity = capacity;
  for (GrantUse& use : block->grants()) ::new (static_cast<void*>(&use)) GrantUse;
  for (host_io_segment& segment : block->segments()) {
    ::new (static_cast<void*>(&segment)) host_io_segment{};
  }
  return block;
}

Result<void> IndirectBuffers::create() {
  reserve_ = make(host_alloc(block_bytes(kLarge)), kLarge);
  if (reserve_ == nullptr) return failure(-kEnoMem);
  reserve_identity_ = reserve_;
  return {};
}

IndirectBuffers::~IndirectBuffers() {
  trim(0);
  free_block(reserve_);
}

uint64_t IndirectBuffers::cost() { return host_memory_cost(block_bytes(kLarge)); }

IndirectBuffer* IndirectBuffers::try_make(uint32_t capacity) {
  const uint64_t bytes = host_memory_cost(block_bytes(capacity));
  bool charged = account_.try_charge(bytes);
  if (!charged && capacity == kLarge && !small_.empty()) {
    trim_list(small_, 0);
    charged = account_.try_charge(bytes);
  }
  if (!charged) {
    refused_ += bytes;
    return nullptr;
  }
  IndirectBuffer* block = make(host_try_alloc(block_bytes(capacity)), capacity);
  if (block == nullptr) account_.give_back(bytes);
  return block;
}

IndirectBuffer* IndirectBuffers::take(uint32_t segments) {
  BlockList& list = segments <= kSmall ? small_ : large_;
  if (IndirectBuffer* block = list.pop_front()) return block;
  const uint32_t capacity = segments <= kSmall ? kSmall : kLarge;
  if (IndirectBuffer* block = try_make(capacity)) return block;
  if (IndirectBuffer* block = large_.pop_front()) return block;
  IndirectBuffer* block = reserve_;
  reserve_ = nullptr;
  return block;
}

void IndirectBuffers::put(IndirectBuffer& block) {
  if (&block == reserve_identity_) {
    reserve_ = &block;
  } else {
    (block.capacity == kSmall ? small_ : large_).push_front(block);
  }
}

void IndirectBuffers::trim_list(BlockList& list, uint32_t keep) {
  while (list.size() > keep) {
    IndirectBuffer* block = list.pop_front();
    account_.give_back(host_memory_cost(block_bytes(block->capacity)));
    free_block(block);
  }
}

void IndirectBuffers::trim(uint32_t keep) {
  trim_list(small_, keep);
  trim_list(large_, keep);
}

}  // namespace blkback
