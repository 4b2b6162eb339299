// SPDX-License-Identifier: GPL-2.0
// One xenbus device: its directories, the toolstack and the guest behind it,
// and the drivers' devices that come and go, as src/linux/xenbus.c has them.
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
  // Who binds or unbinds: the watch thread, because the directory came or went, with
  // xenwatch_mutex and the device's lock; or an administrator, with the latter alone.
  enum class By { kWatchThread, kAdministrator };
  // Binds the driver, if it is not bound, and tells it the frontend's state.
  void bind(By by);
  void unbind(By by);
  // The watch of our own state: a device that is closed for good is unbound.
  void state_watch();
  // The watch of the disk's node.
  void disk_watch();
  // The frontend's state has changed to any number.
  void frontend_state(uint32_t state);

  // --- what stands in xenstore -----------------------------------------------------
  std::map<std::string, std::string>& backend() { return device_->backend; }
  std::map<std::string, std::string>& frontend() { return device_->frontend; }
  // What a good toolstack writes; another disk when the first was no good.
  void mend_backend();
  // What a good frontend writes; with new rings.
  void offer();
  void renew_rings();

  // --- what is there -----------------------------------------------------------------
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
