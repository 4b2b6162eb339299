// SPDX-License-Identifier: GPL-2.0
// A device with several rings, and frontends that drive the rings from threads of
// their own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "support/slots.h"
#include "threads/host.h"

namespace threads {

// The frontend's end of one ring.  Used by one thread at a time.
class Frontend {
 public:
  explicit Frontend(uint32_t port, uint32_t ring_order = 0);
  Frontend(const Frontend&) = delete;
  Frontend& operator=(const Frontend&) = delete;

  [[nodiscard]] uint32_t port() const { return port_; }
  // The gref of the ring's first page; the other pages have the grefs after it.
  [[nodiscard]] uint32_t ring_ref() const { return ring_ref_; }
  [[nodiscard]] uint32_t slots() const { return slots_; }
  // The page for the request with this id.  No other request in flight uses the page.
  [[nodiscard]] uint32_t gref_of(uint64_t id) const {
    return first_gref_ + static_cast<uint32_t>(id % slots_);
  }
  [[nodiscard]] uint8_t* page_of(uint64_t id) const {
    return memory_.get() + 4096 * (ring_pages_ + id % slots_);
  }

  // Sends `count` requests, as many at once as the ring holds, and waits for all
  // responses.  `make(id)` makes the request with this id, counted from 0, and fills its
  // page; `check(id, status)` checks the response.  Returns false when a response does
  // not come, comes twice, or belongs to no request.
  using Make = std::function<kunit::RawRequest(uint64_t id)>;
  using Check = std::function<void(uint64_t id, int16_t status)>;
  [[nodiscard]] bool run(uint64_t count, const Make& make, const Check& check);

  // Sends up to `count` requests, at most a full ring, and does not wait for responses.
  void abandon(uint64_t count, const Make& make);

 private:
  void put(uint64_t id, const Make& make);
  void show();
  [[nodiscard]] bool wait();
  [[nodiscard]] uint32_t* index(uint32_t which) const {
    return reinterpret_cast<uint32_t*>(memory_.get()) + which;
  }

  struct FreeMemory {
    void operator()(uint8_t* memory) const;
  };
  uint32_t ring_pages_;
  uint32_t slots_;
  std::unique_ptr<uint8_t, FreeMemory> memory_;  // the ring, then a page for each slot
  uint32_t port_;
  uint32_t ring_ref_;
  uint32_t first_gref_;
  uint32_t produced_ = 0;
  uint32_t shown_ = 0;
  uint32_t consumed_ = 0;
};

// Who binds or unbinds a device.  The watch thread does so when the directory came or
// went, and holds xenwatch_mutex and the device's lock.  An administrator does so
// through sysfs, and holds the device's lock alone.
enum class By { kWatchThread, kAdministrator };
[[nodiscard]] By either();  // at random

// A device with its toolstack, xenbus and the frontend's state machine.
class Device {
 public:
  explicit Device(uint32_t queues, bool persistent = true, uint64_t key = 7,
                  uint32_t first_port = 1, uint32_t ring_order = 0);
  // Removes the device if it is bound, and waits for its release.
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  [[nodiscard]] bool probe(By by = either());
  // Offers fresh rings; true when the backend goes to Connected.
  [[nodiscard]] bool connect();
  // The same for a backend that may fail: false when it goes to Closing.
  [[nodiscard]] bool try_connect();
  [[nodiscard]] bool disconnect();
  // The call-backs of the watches on the backend's state and on physical-device.
  void state_changed();
  void physical_device_changed();
  void remove(By by = either());
  [[nodiscard]] bool wait_release();
  void state(uint32_t state);
  [[nodiscard]] bool wait_state(uint32_t state) { return wait_state(state, state); }
  [[nodiscard]] bool wait_state(uint32_t state, uint32_t other);

  [[nodiscard]] Frontend& frontend(uint32_t queue) { return *frontends_[queue]; }
  [[nodiscard]] host_device& device() { return device_; }
  [[nodiscard]] driver_device* driver() { return device_.driver; }

 private:
  void offer_rings();

  host_device device_;
  uint32_t queues_;
  uint32_t first_port_;
  uint32_t ring_order_;
  std::vector<std::unique_ptr<Frontend>> frontends_;
  std::vector<std::unique_ptr<Frontend>> former_frontends_;
};

// Runs all functions concurrently, each in a thread of its own, and waits for them.
void together(const std::vector<std::function<void()>>& functions);

}  // namespace threads
