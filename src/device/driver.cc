// SPDX-License-Identifier: GPL-2.0
// The entry points of include/driver.h and include/driver_inspection.h.
#include "driver.h"

#include <span>

#include "device/device.h"
#include "device/registry.h"
#include "driver_inspection.h"
#include "grant/purger.h"
#include "queue/queue.h"

using blkback::Device;
using blkback::GuestAccount;
using blkback::Purger;
using blkback::Queue;
using blkback::Registry;
using blkback::Slot;

namespace {

Device& device_of(driver_device* device) { return *static_cast<Device*>(device); }
Queue& queue_of(driver_queue* queue) { return *static_cast<Queue*>(queue); }

}  // namespace

extern "C" {

void driver_init(void) { Registry::create(); }

int driver_device_create(host_device* host, driver_device** device) {
  blkback::Owned<GuestAccount> fresh = blkback::make_owned<GuestAccount>(host_device_domid(host));
  if (!fresh) return -blkback::kEnoMem;
  GuestAccount& account = Registry::get().join(fresh);
  blkback::Owned<Device> created = blkback::make_owned<Device>(host, account);
  if (!created) {
    Registry::get().leave(account);
    return -blkback::kEnoMem;
  }
  Device* lasting = created.release();  // the device destroys itself: see Device::destroy()
  *device = lasting;
  Registry::get().add(*lasting);
  lasting->schedule();
  return 0;
}

void driver_device_remove(driver_device* device) {
  Registry::get().request_removal(device_of(device));
}

void driver_frontend_changed(driver_device* device, uint32_t state) {
  device_of(device).frontend_changed(state);
}

void driver_state_changed(driver_device* device) { device_of(device).schedule(); }

void driver_physical_device_changed(driver_device* device) {
  device_of(device).physical_device_changed();
}

bool driver_device_finished(const driver_device* device) {
  return static_cast<const Device*>(device)->finished();
}

void driver_reclaim_memory(driver_device* device) { device_of(device).request_squeeze(); }

void driver_disk_changed(uint32_t major, uint32_t minor) {
  Registry::get().disk_changed(major, minor);
}

bool driver_survey(void) { return Registry::get().survey(); }

void driver_disks_changed(void) { Registry::get().disks_changed(); }

void driver_parameters_changed(void) { Registry::get().parameters_changed(); }

void driver_event(driver_queue* queue) { queue_of(queue).event(); }

uint32_t driver_queue_work(driver_queue* queue) { return queue_of(queue).work(); }

void driver_io_done(host_io* io) {
  Slot& slot = *static_cast<Slot*>(io);
  slot.queue->done(slot);
}

void driver_work(host_work* work) {
  if (work->kind == DRIVER_WORK_PURGE) {
    static_cast<Purger*>(work)->run();
  } else {
    static_cast<Device*>(work)->run();
  }
}

void driver_statistics_read(driver_device* device, driver_statistics* statistics) {
  *statistics = device_of(device).statistics();
}

void driver_latency_read(driver_device* device, driver_request_kind kind, driver_latency_span span,
                         uint64_t buckets[DRIVER_LATENCY_BUCKETS]) {
  device_of(device).read_latency(
      kind, span, std::span<uint64_t, DRIVER_LATENCY_BUCKETS>(buckets, DRIVER_LATENCY_BUCKETS));
}

void driver_disk_info_read(driver_device* device, driver_disk_info* disk_info) {
  *disk_info = device_of(device).disk_info();
}

void driver_memory_read(driver_device* device, driver_memory_info* memory) {
  const blkback::Account& account = device_of(device).account();
  *memory = driver_memory_info{.used = account.used(),
                               .floors = account.promised(),
                               .beyond = account.beyond(),
                               .cap = account.capped() ? account.cap() : 0,
                               .refusals = account.refusals()};
}

bool driver_connection_read(driver_device* device, driver_connection_info* connection) {
  return device_of(device).outlook().inspect(*connection);
}

bool driver_ring_read(driver_device* device, uint32_t ring, driver_ring_info* info,
                      driver_request_info* requests, uint32_t capacity) {
  return device_of(device).outlook().inspect_ring(
      ring, *info, std::span<driver_request_info>(requests, capacity));
}

bool driver_ring_kick(driver_device* device, uint32_t ring) {
  return device_of(device).outlook().kick(ring);
}

}  // extern "C"
