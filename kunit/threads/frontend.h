// SPDX-License-Identifier: GPL-2.0
// A device of several rings, and frontends that drive them from threads of
// their own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "support/slots.h"
#include "threads/host.h"

namespace threads {

// A frontend's end of one ring.  One thread at a time.
class Frontend {
 public:
  explicit Frontend(uint32_t port, uint32_t ring_order = 0);
  Frontend(const Frontend&) = delete;
  Frontend& operator=(const Frontend&) = delete;

  [[nodiscard]] uint32_t port() const { return port_; }
  // Of the ring's first page; the others follow.
  [[nodiscard]] uint32_t ring_ref() const { return ring_ref_; }
  [[nodiscard]] uint32_t slots() const { return slots_; }
  // A page that request number `id` may use; it is not used by another under way.
  [[nodiscard]] uint32_t gref_of(uint64_t id) const {
    return first_gref_ + static_cast<uint32_t>(id % slots_);
  }
  [[nodiscard]] uint8_t* page_of(uint64_t id) const {
    return memory_.get() + 4096 * (ring_pages_ + id % slots_);
  }

  // Sends `count` requests, as many at once as the ring holds, and waits for
  // all answers.  `make(id)` makes the request of an id from 0 on and fills its
  // page; `check(id, status)` looks at the answer.  False when an answer does not
  // come, comes twice, or was not asked for.
  using Make = std::function<kunit::Ask(uint64_t id)>;
  using Check = std::function<void(uint64_t id, int16_t status)>;
  [[nodiscard]] bool run(uint64_t count, const Make& make, const Check& check);

  // The same, but goes away in the middle: nobody waits for the answers.
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

// Who binds or unbinds a device: the watch thread, because its directory came or
// went, with xenwatch_mutex and the device's lock; or an administrator by sysfs, with
// the device's lock alone.
enum class By { kWatchThread, kAdministrator };
[[nodiscard]] By either();  // at random

// The toolstack, xenbus and the frontend's state machine of a device.
class Device {
 public:
  explicit Device(uint32_t queues, bool persistent = true, uint64_t identity = 7,
                  uint32_t first_port = 1, uint32_t ring_order = 0);
  // Removes what is there and waits for its release.
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  [[nodiscard]] bool probe(By by = either());
  // Fresh rings; true when the backend gets to Connected.
  [[nodiscard]] bool connect();
  // The same where the backend may fail, and say so with Closing.
  [[nodiscard]] bool try_connect();
  [[nodiscard]] bool disconnect();
  // The watches of our own state and of the disk's node.
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

// Each function runs in a thread of its own, all at the same time.
void together(const std::vector<std::function<void()>>& functions);

}  // namespace threads
