// SPDX-License-Identifier: GPL-2.0
// One xenbus device with its directories, its toolstack and its guest.  The driver is
// bound to it and unbound from it as in src/linux/xenbus.c; each binding has a
// host_device of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fake_host/fake_host.h"
#include "support/guest.h"

namespace fuzz {

class Xenbus {
 public:
  struct Setup {
    uint16_t domid;
    kunit::Layout layout;
    uint32_t queues;
    uint32_t ring_order;
    bool persistent;
  };

  explicit Xenbus(const Setup& setup);
  ~Xenbus();
  Xenbus(const Xenbus&) = delete;
  Xenbus& operator=(const Xenbus&) = delete;

  // --- the bus ------------------------------------------------------------------
  [[nodiscard]] bool bound() const { return device_->driver != nullptr; }
  // Who binds or unbinds.  The watch thread does so when the directory came or went, and
  // holds xenwatch_mutex and the device's lock.  An administrator holds the latter alone.
  enum class By { kWatchThread, kAdministrator };
  // Binds the driver, if it is not bound, and tells it the frontend's state.
  void bind(By by);
  void unbind(By by);
  // The watch on the backend's state fires.  Unbinds a device that is closed for good.
  void state_watch();
  // The watch on physical-device fires.
  void disk_watch();
  // The frontend's state changes to `state`, which may be any number.
  void frontend_state(uint32_t state);

  // --- xenstore --------------------------------------------------------------------
  auto& backend() { return device_->backend; }
  auto& frontend() { return device_->frontend; }
  // Writes what a correct toolstack writes; names another disk when the driver has none.
  void mend_backend();
  // Writes what a correct frontend writes, with new rings.
  void offer();
  void renew_rings();

  // --- the current state -------------------------------------------------------------
  [[nodiscard]] host_device& device() { return *device_; }
  [[nodiscard]] const Setup& setup() const { return setup_; }
  [[nodiscard]] kunit::Guest& guest(uint32_t ring) { return *guests_[ring % setup_.queues]; }
  void check_statistics();
  [[nodiscard]] bool all_released() const;

 private:
  [[nodiscard]] std::unique_ptr<host_device> new_device() const;
  void unbind_locked();
  void unbind_if_finished();

  Setup setup_;
  std::unique_ptr<host_device> device_;
  std::vector<std::unique_ptr<host_device>> former_devices_;
  std::vector<std::unique_ptr<kunit::Guest>> guests_;
  std::vector<std::unique_ptr<kunit::Guest>> former_guests_;
  driver_statistics last_{};
};

}  // namespace fuzz
