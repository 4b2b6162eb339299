// SPDX-License-Identifier: GPL-2.0
// Memory, locks, pages and grants of the fake host.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "fake_host/fake_host.h"
#include "host/lock.h"
#include "host/memory.h"

using fake::Host;
using fake::host;

namespace {
// What a thread and a page of a shared ring take of the host's memory.
constexpr size_t kThreadBytes = 20000;
constexpr size_t kRingPageBytes = 100;
}  // namespace

uint64_t Host::memory_bytes() const {
  uint64_t bytes = scratch_bytes;
  for (const auto& [address, size] : memory) bytes += size;
  bytes += uint64_t{pages_out + buffers_out} * HOST_PAGE_BYTES;
  bytes += threads.size() * kThreadBytes;
  for (const auto& [address, ring] : rings) bytes += ring.grefs.size() * kRingPageBytes;
  return bytes;
}

bool Host::take_handles(uint32_t count) {
  if (handles_left == UINT32_MAX) return true;
  if (count > handles_left) return false;
  handles_left -= count;
  return true;
}

void Host::give_handles(uint32_t count) {
  if (handles_left != UINT32_MAX) handles_left += count;
}

namespace {

void* allocate(size_t bytes) {
  void* memory = std::calloc(1, bytes);
  host().memory.try_emplace(memory, bytes);
  return memory;
}

host_page* new_buffer() {
  Host& h = host();
  h.pages.push_back(std::make_unique<host_page>());
  host_page* page = h.pages.back().get();
  page->handed_out = true;
  page->own.resize(HOST_PAGE_BYTES);
  h.buffers_most = std::max(h.buffers_most, ++h.buffers_out);
  return page;
}

bool with_disk(const host_page* page) {
  for (const host_io* io : host().held) {
    for (uint32_t s = 0; s < io->segment_count; ++s) {
      if (io->segments[s].page == page) return true;
    }
  }
  return false;
}

// The status of one copy.  Checks what the hypervisor does not.
int16_t copy_grant(const host_grant_copy_op& op) {
  Host& h = host();
  const bool to_guest = op.direction == HOST_GRANT_COPY_TO_GUEST;
  if (!op.page->handed_out || op.page->own.empty()) {
    Host::broken("a grant is copied from or to a page that is no buffer");
    return -1;
  }
  if (with_disk(op.page)) Host::broken("a buffer with I/O in flight is copied");
  if (!to_guest && op.page->busy) Host::broken("a copy into a page that the storage stack holds");
  if (op.bytes == 0 || op.offset + op.bytes > HOST_PAGE_BYTES) {
    Host::broken("a copy of no bytes or beyond a page");
    return -1;
  }
  const auto grant = h.grants.find(op.gref);
  if (grant == h.grants.end()) return -3;  // GNTST_bad_gntref
  if (grant->second.status != 0) return grant->second.status;
  if (to_guest && grant->second.read_only) return -1;  // GNTST_general_error
  uint8_t* theirs = grant->second.memory + op.offset;
  uint8_t* ours = op.page->own.data() + op.offset;
  if (!to_guest) h.copies.push_back({theirs, op.bytes});
  std::memcpy(to_guest ? theirs : ours, to_guest ? ours : theirs, op.bytes);
  return 0;
}

}  // namespace

extern "C" {

void* host_alloc(size_t bytes) {
  host().may_sleep("host_alloc");
  if (host().running != nullptr && host().elsewhere == 0) {
    Host::broken("host_alloc in a queue's thread, where it may wait for ever");
  }
  host().wait_for_memory();
  if (host().fails("host_alloc")) return nullptr;
  return allocate(bytes);
}

void* host_try_alloc(size_t bytes) {
  host().cross();
  host().may_sleep("host_try_alloc");
  if (host().fails("host_try_alloc") || host().failing.contains("host_alloc")) return nullptr;
  if (bytes > host().largest_try || host().tries_left == 0) return nullptr;
  if (host().tries_left != UINT32_MAX) --host().tries_left;
  return allocate(bytes);
}

void host_free(void* memory, size_t bytes) {
  if (memory == nullptr) return;
  const auto known = host().memory.find(memory);
  if (known == host().memory.end()) return Host::broken("host_free of what is not allocated");
  if (known->second != bytes) Host::broken("host_free of another size than was allocated");
  host().memory.erase(known);
  std::free(memory);
}

// The sums of memory are exact: nothing is rounded.
size_t host_memory_cost(size_t bytes) { return bytes; }
uint32_t host_page_cost() { return HOST_PAGE_BYTES; }
size_t host_thread_cost() { return kThreadBytes; }
size_t host_grant_scratch_cost(uint32_t capacity) {
  return sizeof(host_grant_scratch) + capacity * sizeof(void*);
}
size_t host_ring_cost(uint32_t count) { return size_t{count} * kRingPageBytes; }

void host_spinlock_init(host_spinlock* lock, host_lock_class lock_class) {
  lock->storage[0] = 0;
  lock->storage[1] = lock_class;
}

unsigned long host_spinlock_lock(host_spinlock* lock) {
  Host& h = host();
  if (lock->storage[0]++ != 0) Host::broken("a spinlock is taken twice");
  const uint64_t lock_class = lock->storage[1];
  if (!h.spinlock_classes.empty() && h.spinlock_classes.back() >= lock_class) {
    Host::broken("spinlocks nest in the wrong order");
  }
  h.spinlock_classes.push_back(lock_class);
  ++h.spinlocks_held;
  return 1;
}

void host_spinlock_unlock(host_spinlock* lock, unsigned long state) {
  if (lock->storage[0]-- != 1 || state != 1) Host::broken("unlock of a lock that is not held");
  // The outer of two spinlocks may be released first.
  std::erase(host().spinlock_classes, lock->storage[1]);
  --host().spinlocks_held;
  host().cross();
}

int host_page_alloc(host_page** pages, uint32_t count) {
  host().may_sleep("host_page_alloc");
  if (count == 0) Host::broken("host_page_alloc of no pages");
  host().wait_for_memory();
  if (host().fails("host_page_alloc") || count > host().pages_left) {
    ++host().page_refusals;
    return -ENOMEM;
  }
  if (host().pages_left != UINT32_MAX) host().pages_left -= count;
  host().page_allocations.push_back(count);
  for (uint32_t i = 0; i < count; ++i) {
    host().pages.push_back(std::make_unique<host_page>());
    pages[i] = host().pages.back().get();
    pages[i]->handed_out = true;
  }
  host().pages_out += count;
  return 0;
}

void host_page_free(host_page** pages, uint32_t count) {
  host().may_sleep("host_page_free");
  if (count == 0) Host::broken("host_page_free of no pages");
  host().page_frees.push_back(count);
  for (uint32_t i = 0; i < count; ++i) {
    host_page* page = pages[i];
    if (!page->handed_out) Host::broken("a page is freed twice");
    if (page->mapped != nullptr) Host::broken("a page is freed while a grant is mapped in it");
    if (page->in_chain) Host::broken("a page is freed while it is in a chain");
    page->handed_out = false;
  }
  host().pages_out -= count;
  if (host().pages_left != UINT32_MAX) host().pages_left += count;
}

void host_page_chain_push(host_page** chain, host_page* const* pages, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    if (pages[i]->mapped != nullptr) Host::broken("a mapped page is put among the free ones");
    if (pages[i]->in_chain) Host::broken("a page is put into a chain twice");
    if (!pages[i]->handed_out) Host::broken("a page that was given back is put into a chain");
    pages[i]->in_chain = true;
    pages[i]->next = *chain;
    *chain = pages[i];
  }
}

uint32_t host_page_chain_pop(host_page** chain, host_page** pages, uint32_t count) {
  uint32_t taken = 0;
  while (*chain != nullptr && taken < count) {
    host_page* page = *chain;
    *chain = page->next;
    page->in_chain = false;
    pages[taken++] = page;
  }
  return taken;
}

host_page* host_buffer_alloc() {
  host().may_sleep("host_buffer_alloc");
  if (host().running != nullptr && host().elsewhere == 0) {
    Host::broken("host_buffer_alloc in a queue's thread, where it may wait for ever");
  }
  host().wait_for_memory();
  return host().fails("host_buffer_alloc") ? nullptr : new_buffer();
}

host_page* host_buffer_try_alloc() {
  host().cross();
  if (host().fails("host_buffer_try_alloc") || host().failing.contains("host_alloc"))
    return nullptr;
  if (host().buffers_left == 0) return nullptr;
  if (host().buffers_left != UINT32_MAX) --host().buffers_left;
  return new_buffer();
}

void host_buffer_free(host_page* page) {
  if (with_disk(page)) Host::broken("a buffer is freed with I/O in flight");
  if (!page->handed_out || page->own.empty()) Host::broken("a buffer is freed that is none");
  page->handed_out = false;
  --host().buffers_out;
  if (host().buffers_left != UINT32_MAX) ++host().buffers_left;
}

void host_page_copy(host_page* to, uint32_t to_offset, const host_page* from, uint32_t from_offset,
                    uint32_t bytes) {
  uint8_t* source = const_cast<host_page*>(from)->bytes();
  if (to->bytes() == nullptr || source == nullptr) {
    return Host::broken("a copy of a page without memory");
  }
  if (to_offset + bytes > HOST_PAGE_BYTES || from_offset + bytes > HOST_PAGE_BYTES) {
    return Host::broken("a copy beyond a page");
  }
  if (to->read_only) Host::broken("a copy into a page mapped read-only");
  host().copies.push_back({source + from_offset, bytes});
  std::memcpy(to->bytes() + to_offset, source + from_offset, bytes);
}

bool host_page_busy(const host_page* page) { return page->busy; }

const void* host_page_memory(const host_page* page) {
  if (page->mapped == nullptr) Host::broken("the memory of a page without a grant");
  return page->mapped;
}

host_grant_scratch* host_grant_scratch_alloc(uint32_t capacity) {
  host().may_sleep("host_grant_scratch_alloc");
  if (host().fails("host_grant_scratch_alloc")) return nullptr;
  ++host().scratches;
  host().scratch_bytes += host_grant_scratch_cost(capacity);
  return new host_grant_scratch{capacity};
}

void host_grant_scratch_free(host_grant_scratch* scratch) {
  if (scratch == nullptr) return;
  --host().scratches;
  host().scratch_bytes -= host_grant_scratch_cost(scratch->capacity);
  delete scratch;
}

void host_grant_map(host_grant_scratch* scratch, uint16_t domid, host_grant_map_op* ops,
                    uint32_t count) {
  host().now_ms += host().hypercall_ms;
  Host& h = host();
  h.cross();
  h.may_sleep("host_grant_map");
  if (count == 0) Host::broken("a map hypercall without operations");
  if (count > scratch->capacity) Host::broken("more operations than the scratch holds");
  h.map_calls.push_back(count);
  h.visible.push_back(fake::Visible::kMap);
  h.last_domid = domid;
  const bool all_fail = h.fails("host_grant_map");
  for (uint32_t i = 0; i < count; ++i) {
    host_grant_map_op& op = ops[i];
    h.map_read_only.push_back(static_cast<uint8_t>(op.read_only));
    op.handle = 0xdeadbeef;
    const auto grant = h.grants.find(op.gref);
    if (op.page->mapped != nullptr) Host::broken("a grant is mapped over another");
    if (op.page->in_chain) Host::broken("a grant is mapped into a free page");
    // The hypervisor looks for a handle before it looks at the grant.
    const bool handle = h.take_handles(1);
    if (!handle) {
      op.status = h.no_handle_status;
    } else if (all_fail || grant == h.grants.end()) {
      op.status = -3;  // GNTST_bad_gntref
    } else if (grant->second.status != 0) {
      op.status = grant->second.status;
    } else if (grant->second.read_only && op.read_only == 0) {
      op.status = -1;  // GNTST_general_error
    } else {
      op.status = 0;
      op.handle = h.next_handle++;
      op.page->mapped = grant->second.memory;
      op.page->read_only = op.read_only != 0;
      op.page->gref = op.gref;
      op.page->domid = domid;
      ++grant->second.mappings;
      h.handles[op.handle] = op.page;
    }
    if (handle && op.status != 0) h.give_handles(1);
    // Undefined after the call (host/grant.h): nobody may read them again.
    op.page = nullptr;
    op.read_only = 0xdeadbeef;
  }
}

void host_grant_unmap(host_grant_scratch* scratch, host_grant_unmap_op* ops, uint32_t count) {
  host().now_ms += host().hypercall_ms;
  Host& h = host();
  h.cross();
  if (count == 0) Host::broken("an unmap hypercall without operations");
  if (count > scratch->capacity) Host::broken("more operations than the scratch holds");
  h.unmap_calls.push_back(count);
  h.visible.push_back(fake::Visible::kUnmap);
  for (uint32_t i = 0; i < count; ++i) {
    host_grant_unmap_op& op = ops[i];
    const auto mapping = h.handles.find(op.handle);
    if (mapping == h.handles.end() || mapping->second != op.page) {
      Host::broken("unmap of a handle that is not mapped there");
      op.status = -4;  // GNTST_bad_handle
      continue;
    }
    if (op.page->busy) Host::broken("unmap of a page that the storage stack holds");
    if (with_disk(op.page)) Host::broken("unmap of a page with I/O in flight");
    if (op.page->lost) Host::broken("a page that would not be unmapped is used again");
    if (h.sticky_handles.contains(op.handle)) {
      op.status = -1;
      op.page->lost = true;
      ++h.lost_pages;
      continue;
    }
    op.status = 0;
    --h.grants[op.page->gref].mappings;
    op.page->mapped = nullptr;
    h.handles.erase(mapping);
    h.give_handles(1);
  }
}

void host_grant_copy(host_grant_scratch* scratch, uint16_t domid, host_grant_copy_op* ops,
                     uint32_t count) {
  host().now_ms += host().hypercall_ms;
  Host& h = host();
  h.cross();
  h.may_sleep("host_grant_copy");
  if (count == 0) Host::broken("a copy hypercall without operations");
  if (count > scratch->capacity) Host::broken("more operations than the scratch holds");
  h.copy_calls.push_back(count);
  h.last_domid = domid;
  const bool out = ops[0].direction == HOST_GRANT_COPY_TO_GUEST;
  h.visible.push_back(out ? fake::Visible::kCopyOut : fake::Visible::kCopyIn);
  const bool all_fail = h.fails("host_grant_copy");
  for (uint32_t i = 0; i < count; ++i) {
    host_grant_copy_op& op = ops[i];
    const int16_t status = all_fail ? int16_t{-1} : copy_grant(op);
    // Undefined after the call (host/grant.h): nobody may read them again.
    std::memset(&op, 0xa5, sizeof(op));
    op.status = status;
  }
}

int host_ring_map(host_device* device, const uint32_t* grefs, uint32_t count, void** address) {
  Host& h = host();
  h.may_sleep("host_ring_map");
  (void)h.locks.wait_for(fake::Lock::kGate);
  if (device->removed) {
    ++device->too_late;
    return -ENODEV;
  }
  if (h.fails("host_ring_map")) return -ENOMEM;
  for (uint32_t i = 0; i < count; ++i) {
    const auto grant = h.grants.find(grefs[i]);
    // The tests' rings are contiguous, so the address of the first page serves for the whole ring.
    if (grant == h.grants.end() || grant->second.read_only ||
        grant->second.memory != h.grants[grefs[0]].memory + size_t{i} * HOST_PAGE_BYTES) {
      return -EINVAL;
    }
  }
  if (!h.take_handles(count)) return -ENOSPC;
  for (uint32_t i = 0; i < count; ++i) ++h.grants[grefs[i]].mappings;
  *address = h.grants[grefs[0]].memory;
  h.rings.add(*address, {device, std::vector<uint32_t>(grefs, grefs + count)});
  return 0;
}

void host_ring_unmap(host_device* device, void* address) {
  Host& h = host();
  h.may_sleep("host_ring_unmap");
  auto [ring, end] = h.rings.equal_range(address);
  while (ring != end && ring->second.device != device) ++ring;
  if (ring == end) {
    Host::broken("unmap of a ring that is not mapped");
    return;
  }
  for (const uint32_t gref : ring->second.grefs) --h.grants[gref].mappings;
  h.give_handles(static_cast<uint32_t>(ring->second.grefs.size()));
  h.flush_oracle.forget(address);
  h.rings.erase(ring);
}

}  // extern "C"
