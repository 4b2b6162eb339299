// SPDX-License-Identifier: GPL-2.0
#include "fuzz/xenbus.h"

#include <cstdlib>
#include <optional>

#include "fuzz/require.h"

namespace fuzz {

using fake::Holding;
using fake::host;
using fake::Lock;
using kunit::Guest;
using kunit::Layout;

namespace {

class BusLocks {
 public:
  explicit BusLocks(Xenbus::By by) {
    if (by == Xenbus::By::kWatchThread) watch_.emplace(Lock::kWatchMutex);
    device_.emplace(Lock::kDeviceLock);
  }

 private:
  std::optional<Holding> watch_;
  std::optional<Holding> device_;
};

}  // namespace

Xenbus::Xenbus(const Setup& setup) : setup_(setup), device_(new_device()) {
  device_->backend = {{"state", "1"}, {"online", "1"}};
  renew_rings();
}

Xenbus::~Xenbus() = default;

std::unique_ptr<host_device> Xenbus::new_device() const {
  auto device = std::make_unique<host_device>();
  device->name = "backend/vbd/" + std::to_string(setup_.domid) + "/51712";
  device->key = setup_.domid;
  device->domid = setup_.domid;
  return device;
}

void Xenbus::bind(By by) {
  if (bound()) return;
  former_devices_.push_back(std::move(device_));
  const host_device& former = *former_devices_.back();
  device_ = new_device();
  device_->backend = former.backend;
  device_->frontend = former.frontend;
  last_ = {};
  {
    const BusLocks locks(by);
    if (driver_device_create(device_.get(), &device_->driver) != 0) {
      device_->driver = nullptr;
      device_->released = true;
      return;
    }
    driver_physical_device_changed(device_->driver);
  }
  const Holding watch(Lock::kWatchMutex);
  const auto state = device_->frontend.find("state");
  if (state == device_->frontend.end()) return;
  driver_frontend_changed(device_->driver,
                          static_cast<uint32_t>(std::strtoul(state->second.c_str(), nullptr, 10)));
}

void Xenbus::unbind(By by) {
  if (!bound()) return;
  const BusLocks locks(by);
  unbind_locked();
}

void Xenbus::unbind_locked() {
  (void)host().locks.wait_for(Lock::kGate);
  device_->removed = true;
  (void)host().locks.wait_for(Lock::kSysfs);
  driver_device_remove(device_->driver);
  device_->driver = nullptr;
}

// Context: a call-back of a watch, in which xenwatch_mutex is held.
void Xenbus::unbind_if_finished() {
  if (!driver_device_finished(device_->driver)) return;
  const Holding lock(Lock::kDeviceLock);
  unbind_locked();
}

void Xenbus::state_watch() {
  if (!bound()) return;
  const Holding watch(Lock::kWatchMutex);
  unbind_if_finished();
  if (bound()) {
    driver_state_changed(device_->driver);
  }
}

void Xenbus::frontend_state(uint32_t state) {
  device_->frontend["state"] = std::to_string(state);
  if (!bound()) return;
  const Holding watch(Lock::kWatchMutex);
  driver_frontend_changed(device_->driver, state);
  unbind_if_finished();
}

void Xenbus::mend_backend() {
  auto& nodes = device_->backend;
  nodes["state"] = std::to_string(device_->state);
  nodes["online"] = "1";
  nodes["mode"] = "w";
  nodes["dev"] = "xvda";
  nodes.erase("discard-enable");
  driver_disk_info disk_info{};
  if (bound()) driver_disk_info_read(device_->driver, &disk_info);
  if (disk_info.major == 0) {
    nodes["physical-device"] = nodes["physical-device"] == "fe:20" ? "fe:21" : "fe:20";
  }
  disk_watch();
}

void Xenbus::disk_watch() {
  if (!bound()) return;
  const Holding watch(Lock::kWatchMutex);
  driver_physical_device_changed(device_->driver);
}

void Xenbus::renew_rings() {
  for (auto& guest : guests_) former_guests_.push_back(std::move(guest));
  guests_.clear();
  for (uint32_t i = 0; i < setup_.queues; ++i) {
    guests_.push_back(std::make_unique<Guest>(setup_.layout, 1u << setup_.ring_order));
    guests_.back()->set_port(20 + 100u * setup_.domid + i);
  }
}

void Xenbus::offer() {
  renew_rings();
  auto& nodes = device_->frontend;
  const std::string state = nodes["state"];
  nodes.clear();
  nodes["state"] = state;
  nodes["protocol"] = setup_.layout == Layout::kX86_32 ? "x86_32-abi" : "x86_64-abi";
  if (setup_.persistent) nodes["feature-persistent"] = "1";
  if (setup_.ring_order != 0) nodes["ring-page-order"] = std::to_string(setup_.ring_order);
  if (setup_.queues > 1) nodes["multi-queue-num-queues"] = std::to_string(setup_.queues);
  for (uint32_t i = 0; i < setup_.queues; ++i) {
    const std::string directory = setup_.queues > 1 ? "queue-" + std::to_string(i) + "/" : "";
    for (uint32_t page = 0; page < 1u << setup_.ring_order; ++page) {
      const std::string number = setup_.ring_order != 0 ? std::to_string(page) : "";
      nodes[directory + "ring-ref" + number] = std::to_string(guest(i).ring_ref(page));
    }
    nodes[directory + "event-channel"] = std::to_string(guest(i).port());
  }
}

void Xenbus::check_statistics() {
  if (!bound()) return;
  const Holding reader(Lock::kSysfs);
  driver_statistics now{};
  driver_statistics_read(device_->driver, &now);
  require(now.oo_req >= last_.oo_req && now.rd_req >= last_.rd_req && now.wr_req >= last_.wr_req &&
              now.f_req >= last_.f_req && now.ds_req >= last_.ds_req &&
              now.rd_sect >= last_.rd_sect && now.wr_sect >= last_.wr_sect,
          "totals never go backwards");
  last_ = now;
}

bool Xenbus::all_released() const {
  // former_devices_[0] was never bound.
  for (size_t i = 1; i < former_devices_.size(); ++i) {
    if (!former_devices_[i]->released) return false;
  }
  return former_devices_.empty() || device_->released;
}

}  // namespace fuzz
