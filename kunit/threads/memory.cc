// SPDX-License-Identifier: GPL-2.0
// Memory, locks, pages, grants and shared memory of the host with threads.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

#include "host/lock.h"
#include "host/memory.h"
#include "host/shared.h"
#include "support/wire.h"
#include "threads/host.h"

using threads::Host;
using threads::host;

struct host_grant_scratch {
  uint32_t capacity;
  std::atomic<bool> in_use{false};  // "one user at a time"
};

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

std::mutex& mutex_of(host_spinlock* lock) {
  static_assert(sizeof(std::mutex) + sizeof(uint64_t) <= sizeof(lock->storage));
  return *std::launder(reinterpret_cast<std::mutex*>(lock->storage + 1));
}

// The classes of the spinlocks that the thread holds, outermost first.
thread_local uint64_t held_classes[HOST_LOCK_CLASSES];

void* allocate(size_t bytes) {
  host().memory.fetch_add(1, kRelaxed);
  return std::calloc(1, bytes);
}

host_page* new_buffer() {
  host().pages_out.fetch_add(1, kRelaxed);
  auto* page = new host_page;
  page->mapped = static_cast<uint8_t*>(std::calloc(1, HOST_PAGE_BYTES));
  return page;
}

class OneUser {
 public:
  OneUser(host_grant_scratch* scratch, uint32_t count) : scratch_(scratch) {
    if (scratch->in_use.exchange(true, kRelaxed)) Host::broken("two users of a scratch");
    if (count == 0 || count > scratch->capacity) Host::broken("a hypercall of a wrong size");
  }
  ~OneUser() { scratch_->in_use.store(false, kRelaxed); }
  OneUser(const OneUser&) = delete;
  OneUser& operator=(const OneUser&) = delete;

 private:
  host_grant_scratch* scratch_;
};

}  // namespace

extern "C" {

void* host_alloc(size_t bytes) {
  Host::may_sleep("host_alloc");
  if (host().fails(host().set_ups_fail)) return nullptr;
  return allocate(bytes);
}

void* host_try_alloc(size_t bytes) {
  Host::may_sleep("host_try_alloc");
  if (host().fails(host().tries_fail)) return nullptr;
  return allocate(bytes);
}

void host_free(void* memory, size_t) {
  if (memory == nullptr) return;
  host().memory.fetch_sub(1, kRelaxed);
  std::free(memory);
}

size_t host_memory_cost(size_t bytes) { return bytes; }
uint32_t host_page_cost() { return HOST_PAGE_BYTES; }
size_t host_thread_cost() { return 20000; }
size_t host_grant_scratch_cost(uint32_t capacity) { return capacity * sizeof(void*); }
size_t host_ring_cost(uint32_t count) { return size_t{count} * 100; }

void host_spinlock_init(host_spinlock* lock, host_lock_class lock_class) {
  lock->storage[0] = lock_class;
  ::new (static_cast<void*>(lock->storage + 1)) std::mutex;
}

unsigned long host_spinlock_lock(host_spinlock* lock) {
  const uint64_t lock_class = lock->storage[0];
  if (threads::spinlocks_held != 0 && held_classes[threads::spinlocks_held - 1] >= lock_class) {
    Host::broken("spinlocks nest in the wrong order");
    std::abort();  // taking the lock could hang
  }
  held_classes[threads::spinlocks_held++] = lock_class;
  mutex_of(lock).lock();
  return 1;
}

void host_spinlock_unlock(host_spinlock* lock, unsigned long) {
  --threads::spinlocks_held;
  mutex_of(lock).unlock();
}

int host_page_alloc(host_page** pages, uint32_t count) {
  Host::may_sleep("host_page_alloc");
  if (host().fails(host().tries_fail)) return -ENOMEM;
  for (uint32_t i = 0; i < count; ++i) {
    pages[i] = new host_page;
    pages[i]->handed_out.store(true, kRelaxed);
  }
  host().pages_out.fetch_add(count, kRelaxed);
  return 0;
}

void host_page_free(host_page** pages, uint32_t count) {
  Host::may_sleep("host_page_free");
  for (uint32_t i = 0; i < count; ++i) {
    host_page* page = pages[i];
    if (page->mapped != nullptr) Host::broken("a page is freed while a grant is mapped in it");
    if (page->in_chain.load(kRelaxed)) Host::broken("a page is freed while it is in a chain");
    if (!page->handed_out.exchange(false, kRelaxed)) Host::broken("a page is freed twice");
    delete page;
  }
  host().pages_out.fetch_sub(count, kRelaxed);
}

void host_page_chain_push(host_page** chain, host_page* const* pages, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    if (pages[i]->mapped != nullptr) Host::broken("a mapped page is put among the free ones");
    if (pages[i]->in_chain.exchange(true, kRelaxed)) Host::broken("a page is put into two chains");
    pages[i]->next = *chain;
    *chain = pages[i];
  }
}

uint32_t host_page_chain_pop(host_page** chain, host_page** pages, uint32_t count) {
  uint32_t taken = 0;
  while (*chain != nullptr && taken < count) {
    host_page* page = *chain;
    *chain = page->next;
    if (!page->in_chain.exchange(false, kRelaxed)) Host::broken("a page is handed out twice");
    pages[taken++] = page;
  }
  return taken;
}

host_page* host_buffer_alloc() {
  Host::may_sleep("host_buffer_alloc");
  return host().fails(host().set_ups_fail) ? nullptr : new_buffer();
}

host_page* host_buffer_try_alloc() {
  return host().fails(host().tries_fail) ? nullptr : new_buffer();
}

void host_buffer_free(host_page* page) {
  host().pages_out.fetch_sub(1, kRelaxed);
  std::free(page->mapped);
  delete page;
}

void host_page_copy(host_page* to, uint32_t to_offset, const host_page* from, uint32_t from_offset,
                    uint32_t bytes) {
  std::memcpy(to->mapped + to_offset, from->mapped + from_offset, bytes);
}

bool host_page_busy(const host_page* page) {
  auto& busy = const_cast<host_page*>(page)->busy;
  const uint32_t left = busy.load(kRelaxed);
  if (left != 0) busy.store(left - 1, kRelaxed);
  return left != 0;
}

const void* host_page_memory(const host_page* page) {
  if (page->mapped == nullptr) Host::broken("the memory of a page without a grant");
  return page->mapped;
}

host_grant_scratch* host_grant_scratch_alloc(uint32_t capacity) {
  if (host().fails(host().set_ups_fail)) return nullptr;
  host().scratches.fetch_add(1, kRelaxed);
  return new host_grant_scratch{capacity};
}

void host_grant_scratch_free(host_grant_scratch* scratch) {
  if (scratch == nullptr) return;
  host().scratches.fetch_sub(1, kRelaxed);
  delete scratch;
}

void host_grant_map(host_grant_scratch* scratch, uint16_t, host_grant_map_op* ops, uint32_t count) {
  Host::may_sleep("host_grant_map");
  const OneUser user(scratch, count);
  const uint32_t busy_every = host().busy_every;
  for (uint32_t i = 0; i < count; ++i) {
    host_grant_map_op& op = ops[i];
    threads::Grant* grant = op.gref < threads::kGrants ? &host().grants[op.gref] : nullptr;
    if (op.page->mapped != nullptr) Host::broken("a grant is mapped over another");
    op.status = -3;  // GNTST_bad_gntref
    if (host().handles_left.fetch_sub(1, kRelaxed) <= 0) {
      op.status = -13;  // GNTST_no_space
      grant = nullptr;
    }
    if (grant != nullptr && grant->memory != nullptr) {
      op.status = 0;
      op.handle = op.gref;
      op.page->mapped = grant->memory;
      op.page->gref = op.gref;
      if (busy_every != 0 && threads::random_below(busy_every) == 0)
        op.page->busy.store(2, kRelaxed);
      grant->mappings.fetch_add(1, kRelaxed);
      host().mapped.fetch_add(1, kRelaxed);
    }
    if (op.status != 0) host().handles_left.fetch_add(1, kRelaxed);
    // include/host/grant.h: undefined afterwards.  A caller that reads them fails.
    op.page = nullptr;
    op.read_only = 0xdeadbeef;
  }
}

void host_grant_unmap(host_grant_scratch* scratch, host_grant_unmap_op* ops, uint32_t count) {
  const OneUser user(scratch, count);
  for (uint32_t i = 0; i < count; ++i) {
    host_grant_unmap_op& op = ops[i];
    if (op.page->mapped == nullptr || op.page->gref != op.handle) {
      Host::broken("unmap of what is not mapped there");
      op.status = -4;  // GNTST_bad_handle
      continue;
    }
    host().grants[op.page->gref].mappings.fetch_sub(1, kRelaxed);
    host().mapped.fetch_sub(1, kRelaxed);
    op.page->mapped = nullptr;
    op.status = 0;
    host().handles_left.fetch_add(1, kRelaxed);
  }
}

void host_grant_copy(host_grant_scratch* scratch, uint16_t, host_grant_copy_op* ops,
                     uint32_t count) {
  Host::may_sleep("host_grant_copy");
  const OneUser user(scratch, count);
  for (uint32_t i = 0; i < count; ++i) {
    host_grant_copy_op& op = ops[i];
    const threads::Grant* grant = op.gref < threads::kGrants ? &host().grants[op.gref] : nullptr;
    op.status = -3;  // GNTST_bad_gntref
    if (grant == nullptr || grant->memory == nullptr) continue;
    uint8_t* theirs = grant->memory + op.offset;
    uint8_t* ours = op.page->mapped + op.offset;
    const bool out = op.direction == HOST_GRANT_COPY_TO_GUEST;
    std::memcpy(out ? theirs : ours, out ? ours : theirs, op.bytes);
    op.status = 0;
    // include/host/grant.h: undefined afterwards.  A caller that reads it fails.
    op.page = nullptr;
  }
}

int host_ring_map(host_device*, const uint32_t* grefs, uint32_t count, void** address) {
  Host::may_sleep("host_ring_map");
  if (host().fails(host().set_ups_fail)) return -ENOMEM;
  // The pages of a Frontend's ring are adjacent, and so are their grefs.
  for (uint32_t i = 0; i < count; ++i) {
    if (grefs[i] != grefs[0] + i) return -EINVAL;
  }
  if (grefs[0] >= threads::kGrants || host().grants[grefs[0]].memory == nullptr) return -EINVAL;
  *address = host().grants[grefs[0]].memory;
  host().rings.fetch_add(1, kRelaxed);
  return 0;
}

void host_ring_unmap(host_device*, void*) { host().rings.fetch_sub(1, kRelaxed); }

void host_shared_copy(void* to, const void* from, size_t bytes) { std::memcpy(to, from, bytes); }

uint32_t host_shared_load_acquire(const uint32_t* from) {
  return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

void host_shared_store_release(uint32_t* to, uint32_t value) {
  __atomic_store_n(to, value, __ATOMIC_RELEASE);
}

void host_shared_respond(void* response, uint64_t id, uint8_t operation, int16_t status) {
  kunit::wire::store_response(static_cast<uint8_t*>(response), {id, operation, status});
}

// ThreadSanitizer does not model fences, and g++ warns of that.  Disabling the warning
// hides no race: the indices before and after the fence are accessed atomically.  A
// missing fence shows as a lost notification, not as a report of a race.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
void host_shared_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
#pragma GCC diagnostic pop

}  // extern "C"
