// SPDX-License-Identifier: GPL-2.0
// A device with its xenstore directories and its guest.
//
// It plays the toolstack, the xenbus driver and the frontend's state machine.  One Guest for each
// queue drives the rings.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "fake_host/fake_host.h"
#include "support/guest.h"

namespace kunit {

// What the frontend offers and the toolstack configured.
struct DeviceSetup {
  Layout layout = Layout::kX86_64;
  uint32_t queues = 1;
  uint32_t ring_order = 0;
  bool persistent = true;
  const char* mode = "w";
  uint16_t domid = 7;
  uint32_t first_index = 0;  // the initial value of the rings' indices
  uint32_t disk = 0;         // of the guest's disks, from 0
  // The parameter grant_copy_bytes, for all devices.  0: without persistent grants all requests
  // are mapped.
  uint32_t copy_bytes = 0;
};

class DeviceFixture {
 public:
  // Creates a backend and a frontend directory.  The device is created by probe().
  explicit DeviceFixture(const DeviceSetup& setup = {});
  // Removes the device, if there is one, and lets it drain.
  ~DeviceFixture();
  DeviceFixture(const DeviceFixture&) = delete;
  DeviceFixture& operator=(const DeviceFixture&) = delete;

  // --- the toolstack ----------------------------------------------------------
  [[nodiscard]] int probe();
  // Write a node, or remove it if `value` is null.  backend() then calls the driver's watch.
  void backend(const char* name, const char* value);
  void frontend(const char* name, const char* value);
  [[nodiscard]] bool published(const char* name, const char* value) const;
  void remove();
  // Unbinds the device, and runs no thread and no work.
  void unbind();
  // The rest of a removal: I/O in flight ends, and threads and works run.
  void drain();
  // Unbinds the device and binds a new one to its directories; the old one goes on draining.
  [[nodiscard]] int rebind();

  // --- the frontend ------------------------------------------------------------
  // Writes the frontend's nodes: the rings and the features of `setup`.
  void offer();
  // Replaces the rings by new ones.
  void renew_rings();
  void state(uint32_t state);
  // Switches the state, and runs no thread and no work.
  void tell(uint32_t state);
  // Probes, offers, then Initialised and Connected.  Returns true if the backend is Connected.
  [[nodiscard]] bool connect();
  // Closing, then Closed.  Returns true if the backend is Closed.
  [[nodiscard]] bool disconnect();

  // --- the device and its guest --------------------------------------------------
  [[nodiscard]] uint32_t backend_state() const { return device_->state; }
  [[nodiscard]] bool refused() const {
    return !device_->errors.empty() && device_->state == HOST_XENBUS_CLOSING;
  }
  [[nodiscard]] bool complained(const char* part) const;
  [[nodiscard]] host_device& device() { return *device_; }
  [[nodiscard]] driver_device* driver() { return device_->driver; }
  [[nodiscard]] host_device& predecessor() { return *predecessor_; }
  [[nodiscard]] Guest& guest(uint32_t queue = 0) { return *guests_[queue]; }
  [[nodiscard]] driver_statistics statistics();
  [[nodiscard]] driver_disk_info disk_info();

 private:
  [[nodiscard]] std::unique_ptr<host_device> new_device() const;
  [[nodiscard]] int bind();

  DeviceSetup setup_;
  std::unique_ptr<host_device> device_;
  std::unique_ptr<host_device> predecessor_;
  std::vector<std::unique_ptr<Guest>> guests_;
  std::vector<std::unique_ptr<Guest>> retired_guests_;
};

// The host must have no leaks now.  start_over() then makes a fresh host.
void expect_no_leaks();
void start_over();

}  // namespace kunit
