// SPDX-License-Identifier: GPL-2.0
#include "support/device_fixture.h"

#include <cstring>
#include <string>

namespace kunit {

using fake::Holding;
using fake::host;
using fake::Lock;

DeviceFixture::DeviceFixture(const DeviceSetup& setup) : setup_(setup), device_(new_device()) {
  device_->backend = {{"state", "1"},
                      {"online", "1"},
                      {"physical-device", "fe:10"},
                      {"mode", setup.mode},
                      {"dev", "xvda"}};
  host().parameters.grant_copy_bytes = setup.copy_bytes;
  renew_rings();
}

DeviceFixture::~DeviceFixture() {
  if (driver() != nullptr) remove();
  drain();
}

std::unique_ptr<host_device> DeviceFixture::new_device() const {
  auto device = std::make_unique<host_device>();
  device->name = "backend/vbd/" + std::to_string(setup_.domid) + "/" +
                 std::to_string(51712 + 16 * setup_.disk);
  device->key = uint64_t{setup_.disk} << 16 | setup_.domid;
  device->domid = setup_.domid;
  return device;
}

// Callbacks of watches hold xenwatch_mutex.  Probe and remove hold the device's lock.  The watch
// thread holds both when it adds or removes a device because its directory came or went.
int DeviceFixture::bind() {
  const Holding lock(Lock::kDeviceLock);
  const int error = driver_device_create(device_.get(), &device_->driver);
  if (error == 0) driver_physical_device_changed(driver());
  return error;
}

void DeviceFixture::unbind() {
  const Holding lock(Lock::kDeviceLock);
  (void)host().locks.wait_for(Lock::kGate);
  device_->removed = true;
  (void)host().locks.wait_for(Lock::kSysfs);
  driver_device_remove(driver());
  device_->driver = nullptr;
}

int DeviceFixture::probe() {
  int error = 0;
  {
    const Holding watch(Lock::kWatchMutex);
    error = bind();
  }
  host().run();
  return error;
}

void DeviceFixture::backend(const char* name, const char* value) {
  if (value == nullptr) {
    device_->backend.erase(name);
  } else {
    device_->backend[name] = value;
  }
  if (driver() == nullptr) return;
  {
    const Holding watch(Lock::kWatchMutex);
    if (std::strcmp(name, "physical-device") == 0) {
      driver_physical_device_changed(driver());
    } else {
      driver_state_changed(driver());
    }
  }
  host().run();
}

void DeviceFixture::frontend(const char* name, const char* value) {
  if (value == nullptr) {
    device_->frontend.erase(name);
  } else {
    device_->frontend[name] = value;
  }
}

bool DeviceFixture::published(const char* name, const char* value) const {
  const auto node = device_->backend.find(name);
  return node != device_->backend.end() && node->second == value;
}

void DeviceFixture::remove() {
  {
    const Holding watch(Lock::kWatchMutex);
    unbind();
  }
  host().run();
}

void DeviceFixture::drain() {
  host().hold_io = false;
  host().complete_all();
  host().run();
  // A request that waits for pages gives up after some time.
  if (host().leaks() != "") host().sleep(10000);
}

int DeviceFixture::rebind() {
  unbind();
  predecessor_ = std::move(device_);
  device_ = new_device();
  device_->backend = predecessor_->backend;
  device_->frontend = predecessor_->frontend;
  device_->state = predecessor_->state;
  const int error = bind();
  if (error != 0) return error;
  // xenbus tells a newly bound driver the frontend's state.
  state(static_cast<uint32_t>(std::stoul(device_->frontend["state"])));
  return 0;
}

void DeviceFixture::renew_rings() {
  for (auto& guest : guests_) retired_guests_.push_back(std::move(guest));
  guests_.clear();
  for (uint32_t i = 0; i < setup_.queues; ++i) {
    guests_.push_back(
        std::make_unique<Guest>(setup_.layout, 1u << setup_.ring_order, setup_.first_index));
    guests_.back()->set_port(20 + 100u * setup_.domid + 10000u * setup_.disk + i);
  }
}

void DeviceFixture::offer() {
  auto& nodes = device_->frontend;
  switch (setup_.layout) {
    case Layout::kNative:
      nodes["protocol"] = XEN_IO_PROTO_ABI_NATIVE;
      break;
    case Layout::kX86_32:
      nodes["protocol"] = "x86_32-abi";
      break;
    case Layout::kX86_64:
      nodes["protocol"] = "x86_64-abi";
      break;
  }
  if (setup_.persistent) nodes["feature-persistent"] = "1";
  if (setup_.ring_order != 0) nodes["ring-page-order"] = std::to_string(setup_.ring_order);
  if (setup_.queues > 1) nodes["multi-queue-num-queues"] = std::to_string(setup_.queues);
  for (uint32_t i = 0; i < setup_.queues; ++i) {
    const std::string directory = setup_.queues > 1 ? "queue-" + std::to_string(i) + "/" : "";
    for (uint32_t page = 0; page < 1u << setup_.ring_order; ++page) {
      const std::string name =
          setup_.ring_order != 0 ? "ring-ref" + std::to_string(page) : "ring-ref";
      nodes[directory + name] = std::to_string(guest(i).ring_ref(page));
    }
    nodes[directory + "event-channel"] = std::to_string(guest(i).port());
  }
}

void DeviceFixture::state(uint32_t state) {
  tell(state);
  host().run();
}

void DeviceFixture::tell(uint32_t state) {
  device_->frontend["state"] = std::to_string(state);
  const Holding watch(Lock::kWatchMutex);
  driver_frontend_changed(driver(), state);
}

bool DeviceFixture::connect() {
  if (driver() == nullptr && probe() != 0) return false;
  offer();
  state(HOST_XENBUS_INITIALISED);
  if (backend_state() != HOST_XENBUS_CONNECTED) return false;
  state(HOST_XENBUS_CONNECTED);
  return backend_state() == HOST_XENBUS_CONNECTED;
}

bool DeviceFixture::disconnect() {
  state(HOST_XENBUS_CLOSING);
  state(HOST_XENBUS_CLOSED);
  return backend_state() == HOST_XENBUS_CLOSED;
}

bool DeviceFixture::complained(const char* part) const {
  for (const std::string& line : device_->errors) {
    if (line.find(part) != std::string::npos) return true;
  }
  return false;
}

driver_statistics DeviceFixture::statistics() {
  const Holding reader(Lock::kSysfs);
  driver_statistics statistics{};
  driver_statistics_read(driver(), &statistics);
  return statistics;
}

driver_disk_info DeviceFixture::disk_info() {
  const Holding reader(Lock::kSysfs);
  driver_disk_info disk_info{};
  driver_disk_info_read(driver(), &disk_info);
  return disk_info;
}

}  // namespace kunit
