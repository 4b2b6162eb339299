// SPDX-License-Identifier: GPL-2.0
// The host interface for the model, but for threads and shared memory: those are the driver's
// own thread.c and shared.c.  The cases use requests without data, so nothing is mapped.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "host/device.h"
#include "host/event.h"
#include "host/grant.h"
#include "host/lock.h"
#include "host/log.h"
#include "host/memory.h"
#include "host/page.h"
#include "host/parameter.h"
#include "host/time.h"
#include "host/trace.h"
#include "world.h"

using model::World;
using model::world;

namespace model {
namespace {

uint8_t* pages[World::kMost];

World::Port& port_of(host_event_channel* channel) {
  return *reinterpret_cast<World::Port*>(channel);
}

void end_io(host_io* io) {
  plain(&io->error, sizeof(io->error), true, nullptr);
  io->error = 0;
  if (world.io_ends != nullptr) world.io_ends(*io);
  driver_io_done(io);
}

}  // namespace

uint8_t* ring_page(uint32_t port) { return pages[port]; }

void spawn_interrupts(uint32_t number) {
  (void)spawn("interrupt", Ends::kMay, [number] {
    World::Port& port = world.ports[number];
    for (;;) {
      step([&port] { return port.pending && !port.masked && port.queue != nullptr; });
      port.pending = false;
      port.masked = true;
      port.running = true;
      observe(world.port_views[number]);
      driver_event(port.queue);
      step();
      release_to(world.port_views[number]);
      port.running = false;
    }
  });
}

void spawn_disk(const char* name) {
  (void)spawn(name, Ends::kMay, [] {
    for (;;) {
      step([] { return world.io_count != 0; });
      host_io* io = world.ios[0];
      --world.io_count;
      std::memmove(world.ios, world.ios + 1, sizeof(world.ios) - sizeof(world.ios[0]));
      note(reinterpret_cast<uintptr_t>(io));
      observe(world.disk_view);
      end_io(io);
    }
  });
}

void guest_notify(uint32_t port) {
  step();
  publish(world.port_views[port]);
  world.ports[port].pending = true;
}

void guest_wait(uint32_t port) {
  step([port] { return world.ports[port].guest_pending; });
  world.ports[port].guest_pending = false;
  observe(world.guest_views[port]);
}

}  // namespace model

extern "C" {

uint8_t host_trace_on[HOST_TRACE_EVENTS];

uint16_t host_device_domid(const host_device*) { return 7; }
uint32_t host_device_vdev(const host_device*) { return 51712; }

int host_event_bind(host_device*, uint32_t port, driver_queue* queue,
                    host_event_channel** channel) {
  world.ports[port].queue = queue;
  *channel = reinterpret_cast<host_event_channel*>(&world.ports[port]);
  return 0;
}

void host_event_unbind(host_event_channel* channel) {
  World::Port& port = model::port_of(channel);
  model::step([&port] { return !port.running; });
  port.queue = nullptr;
  model::observe(world.port_views[&port - world.ports]);
}

// The hypercall orders all that came before it.
void host_event_notify(host_event_channel* channel) {
  World::Port& port = model::port_of(channel);
  model::step();
  model::publish(world.guest_views[&port - world.ports]);
  port.guest_pending = true;
}

void host_event_eoi(host_event_channel* channel, uint8_t) {
  model::step();
  model::port_of(channel).masked = false;
}

int host_ring_map(host_device*, const uint32_t* grefs, uint32_t, void** address) {
  uint8_t*& page = model::pages[grefs[0]];
  page = static_cast<uint8_t*>(model::allocate(HOST_PAGE_BYTES));
  const uint32_t one = 1;  // SHARED_RING_INIT: req_event and rsp_event
  std::memcpy(page + 4, &one, sizeof(one));
  std::memcpy(page + 12, &one, sizeof(one));
  // Requests and responses overlap.
  model::are_words(page + 64, HOST_PAGE_BYTES - 64);
  *address = page;
  return 0;
}
void host_ring_unmap(host_device*, void*) {}

void* host_alloc(size_t bytes) { return model::allocate(bytes); }
void* host_try_alloc(size_t bytes) { return model::allocate(bytes); }
void host_free(void* memory, size_t) { model::release(memory, MODEL_CALLER); }

unsigned long model_lock(void* lock);
void model_unlock(void* lock, unsigned long flags);
void host_spinlock_init(host_spinlock*, host_lock_class) {}
unsigned long host_spinlock_lock(host_spinlock* lock) { return model_lock(lock); }
void host_spinlock_unlock(host_spinlock* lock, unsigned long state) { model_unlock(lock, state); }

void host_log(host_log_level, const char*, ...) {}
void host_log_limited(host_log_limit*, host_log_level, const char* format, ...) {
  model::fail(format);  // no case has an error
}
int host_format(char* text, size_t bytes, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int written = std::vsnprintf(text, bytes, format, arguments);
  va_end(arguments);
  return written;
}

void host_parameters_read(host_parameters* parameters) {
  *parameters = host_parameters{};
  parameters->max_buffer_pages = 64;
  parameters->max_queues = 1;
}
uint64_t host_time_ms() { return 5000; }
uint64_t host_time_ns() { return 5000000000; }

int host_disk_open(uint32_t, uint32_t, uint8_t, host_disk** disk) {
  *disk = reinterpret_cast<host_disk*>(&world);
  return 0;
}
void host_disk_close(host_disk*) {}
void host_disk_describe(const host_disk*, host_disk_geometry* geometry) {
  geometry->sectors = 2048;
  geometry->logical_block_bytes = 512;
  geometry->max_discard_sectors = 2048;
  geometry->discard_granularity_bytes = 512;
}
uint64_t host_disk_sectors(const host_disk*) { return 2048; }
int host_disk_sync(host_disk*) { return 0; }
void host_disk_submit(host_io* const* ios, uint32_t count) {
  world.done += count;
  for (uint32_t i = 0; i < count && world.io_begins != nullptr; ++i) world.io_begins(*ios[i]);
  if (world.ends_at_once) {
    for (uint32_t i = 0; i < count; ++i) model::end_io(ios[i]);
    return;
  }
  model::step();
  model::publish(world.disk_view);
  for (uint32_t i = 0; i < count; ++i) world.ios[world.io_count++] = ios[i];
}

// No request has data.
int host_page_alloc(host_page**, uint32_t) { std::abort(); }
void host_page_free(host_page**, uint32_t) {}
void host_page_chain_push(host_page**, host_page* const*, uint32_t) { std::abort(); }
uint32_t host_page_chain_pop(host_page**, host_page**, uint32_t) { return 0; }
host_page* host_buffer_alloc() { std::abort(); }
host_page* host_buffer_try_alloc() { std::abort(); }
void host_buffer_free(host_page*) { std::abort(); }
void host_page_copy(host_page*, uint32_t, const host_page*, uint32_t, uint32_t) { std::abort(); }
bool host_page_busy(const host_page*) { return false; }
const void* host_page_memory(const host_page*) { std::abort(); }
host_grant_scratch* host_grant_scratch_alloc(uint32_t) {
  return static_cast<host_grant_scratch*>(model::allocate(16));
}
void host_grant_scratch_free(host_grant_scratch*) {}
void host_grant_map(host_grant_scratch*, uint16_t, host_grant_map_op*, uint32_t) { std::abort(); }
void host_grant_unmap(host_grant_scratch*, host_grant_unmap_op*, uint32_t) { std::abort(); }
void host_grant_copy(host_grant_scratch*, uint16_t, host_grant_copy_op*, uint32_t) { std::abort(); }

// What the host's memory costs is for accounts without a cap.
size_t host_memory_cost(size_t bytes) { return bytes; }
uint32_t host_page_cost() { return HOST_PAGE_BYTES; }
size_t host_grant_scratch_cost(uint32_t capacity) { return capacity; }
size_t host_ring_cost(uint32_t count) { return size_t{count} * HOST_PAGE_BYTES; }

void host_trace_taken(const host_trace_request*) {}
void host_trace_submitted(const host_trace_request*) {}
void host_trace_done(const host_trace_request*) {}
void host_trace_grants(const host_trace_ring*, uint32_t, uint32_t, uint32_t, uint32_t) {}
void host_trace_stall(const host_trace_ring*, host_trace_stall_reason, uint32_t) {}

}  // extern "C"
