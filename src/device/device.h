// SPDX-License-Identifier: GPL-2.0
// One xenbus device's life.
//
// Whatever happens outside (the frontend's state, the toolstack's nodes,
// removal, drained queues) sets a flag and schedules the device's work, which
// looks at everything and takes the next step.  So the state machine is level
// triggered, runs in one context only, and may wait for a disk: nobody else
// waits for it.
//
// INVARIANT: Closed is published only when nothing of the guest is mapped.
// BEWARE: members without a comment belong to the work, which is in one place at
// a time; they need no lock.  The link of the list belongs to the registry.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/intrusive_list.h"
#include "base/lock.h"
#include "base/owned.h"
#include "device/connection.h"
#include "driver.h"
#include "vbd/statistics.h"
#include "vbd/vbd.h"

struct driver_device {};

namespace blkback {

class Device : public driver_device, public host_work, public ListLink {
 public:
  explicit Device(host_device* host);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // From the border; any of them may come at any time.
  void frontend_changed(uint32_t state);
  void schedule() { host_work_schedule(this, 0); }
  void request_removal() { removal_requested_.store(true, std::memory_order_release); }
  void request_squeeze();
  void request_wake();
  void request_relief(Scarce wanted) {
    relief_.add(wanted);
    schedule();
  }
  [[nodiscard]] bool finished() const { return finished_.load(std::memory_order_acquire); }
  [[nodiscard]] driver_statistics statistics() { return statistics_.read(); }
  [[nodiscard]] driver_identity identity() BLKBACK_EXCLUDES(identity_lock_);
  [[nodiscard]] uint64_t xenbus_identity() const { return host_device_identity(host_); }

  // The next step.  Context: the work.
  void run();

 private:
  void share();
  void destroy();
  void announce();
  void open_disk() BLKBACK_EXCLUDES(identity_lock_);
  void follow_frontend();
  void connect();
  void connect_later();
  void publish_and_serve(const FrontendConfig& frontend, const host_parameters& parameters);
  void become_closed();
  void check_disk();
  [[nodiscard]] bool disconnected();
  void read_disk_name();

  host_device* const host_;
  Statistics statistics_;
  Owned<Vbd> vbd_;
  Owned<Connection> connection_;
  char disk_name_[16] = "?";
  char opened_text_[32] = "";  // the physical-device that was tried
  bool announced_ = false;
  bool connect_failed_ = false;
  uint64_t no_handles_since_ms_ = 0;  // for the rings; 0: there were some
  bool disk_gone_ = false;
  uint64_t told_sectors_ = 0;  // what the frontend was told

  SpinLock identity_lock_{HOST_LOCK_STATISTICS};
  driver_identity identity_ BLKBACK_GUARDED_BY(identity_lock_){};

  // Set by callbacks, looked at by run().
  std::atomic<uint32_t> frontend_state_{HOST_XENBUS_UNKNOWN};
  std::atomic<bool> frontend_event_{false};
  std::atomic<bool> removal_requested_{false};
  std::atomic<bool> wake_requested_{false};
  std::atomic<uint64_t> squeeze_until_ms_{0};
  Wishes relief_;  // what other devices lack
  // Set by run(), looked at by the xenbus watch thread.
  std::atomic<bool> finished_{false};
};

}  // namespace blkback
