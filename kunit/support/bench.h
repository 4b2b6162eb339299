// SPDX-License-Identifier: GPL-2.0
// A device with its xenstore directories and the guest behind it.
//
// It is the toolstack, the xenbus driver and the frontend's state machine of a
// case; the guests drive the rings.
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
  uint32_t first_index = 0;  // of the rings, when the backend finds them
};

class Bench {
 public:
  // A backend and a frontend directory, and no device yet.
  explicit Bench(const DeviceSetup& setup = {});
  // Removes the device, if there is one, and lets it drain.
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  // --- the toolstack ----------------------------------------------------------
  [[nodiscard]] int probe();
  // Takes a node of a directory away when `value` is null.
  void backend(const char* name, const char* value);
  void frontend(const char* name, const char* value);
  [[nodiscard]] bool published(const char* name, const char* value) const;
  void remove();
  // Only this: what it sets going has not run yet.
  void unbind();
  // The rest of a removal: what is in flight ends, the worker runs.
  void drain();
  // Unbinds the device and binds it again; the first goes on draining.
  [[nodiscard]] int rebind();

  // --- the frontend ------------------------------------------------------------
  // Writes the rings' nodes and those of `setup`.
  void offer();
  // Throws the rings away and makes new ones.
  void renew_rings();
  void state(uint32_t state);
  // Only this: what it sets going has not run yet.
  void tell(uint32_t state);
  // probe, offer, Initialised; true when the backend got to Connected.
  [[nodiscard]] bool connect();
  // Closing, Closed; true when the backend got to Closed.
  [[nodiscard]] bool disconnect();

  // --- what is there -------------------------------------------------------------
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
  [[nodiscard]] driver_identity identity();

 private:
  [[nodiscard]] std::unique_ptr<host_device> new_device() const;
  [[nodiscard]] int bind();

  DeviceSetup setup_;
  std::unique_ptr<host_device> device_;
  std::unique_ptr<host_device> predecessor_;
  std::vector<std::unique_ptr<Guest>> guests_;
  std::vector<std::unique_ptr<Guest>> retired_guests_;
};

// The host has nothing left over; and a new one.
void expect_no_leaks();
void start_over();

}  // namespace kunit
