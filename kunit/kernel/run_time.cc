// SPDX-License-Identifier: GPL-2.0
#include "kernel/run_time.h"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "kernel/glue/harness.h"

namespace {

// Needs no lock: one case runs at a time.
size_t allocated = 0;

void* allocate(size_t bytes, size_t alignment) {
  void* memory = harness_alloc(bytes, alignment);
  ++allocated;
  return memory;
}

void release(void* memory) {
  if (memory == nullptr) return;
  --allocated;
  harness_free(memory);
}

// A debug kernel records who allocated and who freed each piece of memory.  That
// would take most of the time of a run.  So the nodes of the cases' own containers
// are cut out of slabs, which are freed at the end of the case.  The core's memory
// comes from calloc(): the kernel's checks see all of it.
class Nodes {
 public:
  static constexpr size_t kLargest = 256;

  void* take(size_t bytes) {
    Piece*& list = free_[class_of(bytes)];
    if (list == nullptr) return cut((class_of(bytes) + 1) * kStep);
    return std::exchange(list, list->next);
  }

  void give(void* node, size_t bytes) {
    Piece*& list = free_[class_of(bytes)];
    list = new (node) Piece{list};
  }

  void drop_all() {
    while (slabs_ != nullptr) harness_free(std::exchange(slabs_, slabs_->next));
    *this = Nodes();
  }

 private:
  struct Piece {
    Piece* next;
  };
  static constexpr size_t kStep = 16;
  static constexpr size_t kSlabBytes = 4096;

  static size_t class_of(size_t bytes) { return bytes == 0 ? 0 : (bytes - 1) / kStep; }

  void* cut(size_t bytes) {
    if (left_ < bytes) {
      slabs_ = new (harness_alloc(kSlabBytes, kStep)) Piece{slabs_};
      left_ = kSlabBytes - kStep;
    }
    left_ -= bytes;
    return reinterpret_cast<char*>(slabs_) + kStep + left_;
  }

  Piece* free_[kLargest / kStep] = {};
  Piece* slabs_ = nullptr;
  size_t left_ = 0;  // bytes of the first slab that were never cut
};

// The same for the guests' pages: a case allocates hundreds of them again and again.
class Pages {
 public:
  static constexpr size_t kPageBytes = 4096;

  void* take() {
    if (free_ == nullptr) grow();
    return std::exchange(free_, free_->next);
  }

  // Returns false when the memory is not one of these pages.
  bool give(void* memory) {
    const auto at = reinterpret_cast<uintptr_t>(memory);
    for (const Piece* block = blocks_; block != nullptr; block = block->next) {
      if (at - reinterpret_cast<uintptr_t>(block) >= kBlockPages * kPageBytes) continue;
      free_ = new (memory) Piece{free_};
      return true;
    }
    return false;
  }

  void drop_all() {
    while (blocks_ != nullptr) harness_free(std::exchange(blocks_, blocks_->next));
    *this = Pages();
  }

 private:
  struct Piece {
    Piece* next;
  };
  static constexpr size_t kBlockPages = 64;

  // The first page of a block holds the link of the list of blocks.
  void grow() {
    auto* block = static_cast<char*>(harness_alloc(kBlockPages * kPageBytes, kPageBytes));
    blocks_ = new (block) Piece{blocks_};
    for (size_t i = 1; i < kBlockPages; ++i) free_ = new (block + i * kPageBytes) Piece{free_};
  }

  Piece* free_ = nullptr;
  Piece* blocks_ = nullptr;
};

constinit Nodes nodes;
constinit Pages pages;

}  // namespace

size_t run_time::allocations() { return allocated; }

void run_time::forget_allocations() {
  allocated = 0;
  nodes.drop_all();
  pages.drop_all();
}

void* operator new(size_t bytes) {
  if (bytes > Nodes::kLargest) return allocate(bytes, alignof(uint64_t));
  ++allocated;
  return nodes.take(bytes);
}

void operator delete(void* memory, size_t bytes) noexcept {
  if (bytes > Nodes::kLargest) return release(memory);
  if (memory == nullptr) return;
  --allocated;
  nodes.give(memory, bytes);
}

// Never called: the compiler knows the size of what it deletes.
void operator delete(void*) noexcept { harness_end("memory is freed and its size is not told"); }

void* operator new[](size_t bytes) { return allocate(bytes, alignof(uint64_t)); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete[](void* memory, size_t) noexcept { release(memory); }

// --- functions of the C library ------------------------------------------------------

extern "C" {

void* calloc(size_t count, size_t bytes) noexcept {
  void* memory = allocate(count * bytes, alignof(uint64_t));
  std::memset(memory, 0, count * bytes);
  return memory;
}

void* aligned_alloc(size_t alignment, size_t bytes) noexcept {
  if (bytes != Pages::kPageBytes) return allocate(bytes, alignment);
  ++allocated;
  return pages.take();
}

void free(void* memory) noexcept {
  if (!pages.give(memory)) return release(memory);
  --allocated;
}

int* __errno_location() noexcept {
  static int error;
  return &error;
}

// The cases parse decimal numbers only.
unsigned long strtoul(const char* text, char** end, int) noexcept {
  unsigned long number = 0;
  for (; *text >= '0' && *text <= '9'; ++text) {
    number = number * 10 + static_cast<unsigned long>(*text - '0');
  }
  *end = const_cast<char*>(text);
  return number;
}

}  // extern "C"
