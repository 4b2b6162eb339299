// SPDX-License-Identifier: GPL-2.0
// One xenbus device's life.
//
// Whatever happens outside (the frontend's state, the toolstack's nodes,
// removal, drained queues) sets a flag and schedules the device's work, which
// looks at everything and takes the next steps.  So the state machine
// (next_step.h) is level triggered, runs in one context only, and may wait for
// a disk: nobody else waits for it.
//
// INVARIANT: Closed is published only when nothing of the guest is mapped; when
// the device goes for good, only when its disk is closed, too.
// BEWARE: the work may wait for minutes in open_disk() and connect(); the
// device may have been removed meanwhile, and its xenstore directory may be
// another device's.  The host refuses to touch it then; removed() says so.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/intrusive_list.h"
#include "base/lock.h"
#include "base/log_limits.h"
#include "base/owned.h"
#include "device/backend.h"
#include "device/connection.h"
#include "device/next_step.h"
#include "device/offer.h"
#include "device/outlook.h"
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
  void physical_device_changed();
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
  // Whether the work has something to do; see Outlook.
  [[nodiscard]] bool has_disk(uint32_t major, uint32_t minor) {
    return outlook_.has_disk(major, minor);
  }
  [[nodiscard]] bool needs_look(uint64_t now_ms) { return outlook_.has_news(now_ms); }
  [[nodiscard]] uint64_t xenbus_identity() const { return host_device_identity(host_); }

  // The next steps.  Context: the work.
  void run();

 private:
  // A write to xenstore that fails is tried again after this time, which
  // doubles up to the last.
  static constexpr uint32_t kFirstRetryMs = 50;
  static constexpr uint32_t kLastRetryMs = 2000;
  // A connection is given up when its publication failed this often.
  static constexpr uint32_t kPublishTries = 12;
  // Steps that one run takes before it lets others have the worker.
  static constexpr uint32_t kMostSteps = 8;

  [[nodiscard]] bool removed() const { return removal_requested_.load(std::memory_order_acquire); }
  [[nodiscard]] bool drained();
  void share();
  void destroy();
  void serve_requests();
  [[nodiscard]] bool announce();
  [[nodiscard]] bool offered(const Result<void>& offer);
  void open_disk() BLKBACK_EXCLUDES(identity_lock_);
  void close_disk();
  void check_disk();
  void check_progress();

  void look_at_frontend();
  [[nodiscard]] Link link();
  [[nodiscard]] Situation situation();
  // True when there may be another step to take.
  [[nodiscard]] bool take(Step step);
  [[nodiscard]] bool connect();
  [[nodiscard]] bool connect_later();
  [[nodiscard]] bool publish_disk(bool persistent);
  void serve_frontend();
  [[nodiscard]] bool prepare_for_reconnect();
  void become_closed();

  [[nodiscard]] bool publish_state(host_xenbus_state state);
  void try_again(int error, const char* what);

  host_device* const host_;
  Statistics statistics_;
  LogLimits log_;  // shared with the rings

  // The work's; it is in one place at a time, so they need no lock.
  Owned<Vbd> vbd_;
  Owned<Connection> connection_;
  BackendConfig backend_;             // as of the last open_disk()
  uint32_t frontend_ = 0;             // its state, as last looked at
  uint32_t retry_ms_ = 0;             // 0: the last write to xenstore went well
  uint32_t publish_failures_ = 0;     // in a row
  uint64_t no_handles_since_ms_ = 0;  // for the rings; 0: there were some
  Offer offer_;
  bool announced_ = false;
  bool frontend_seen_ = false;
  bool frontend_connected_ = false;  // it was Connected within this connection
  bool frontend_restarted_ = false;  // it offers other rings than the connection's
  bool serving_ = false;
  bool open_failed_ = false;     // until physical-device is written again
  bool connect_failed_ = false;  // until the frontend's state is written again
  bool disk_gone_ = false;
  bool hung_ = false;  // as the administrator was told
  uint64_t hung_since_ms_ = 0;
  Outlook outlook_;

  SpinLock identity_lock_{HOST_LOCK_STATISTICS};
  driver_identity identity_ BLKBACK_GUARDED_BY(identity_lock_){};

  // Set by callbacks, taken by run().
  std::atomic<uint32_t> frontend_state_{HOST_XENBUS_UNKNOWN};
  std::atomic<bool> frontend_event_{false};
  std::atomic<bool> physical_device_event_{false};
  std::atomic<bool> removal_requested_{false};
  std::atomic<bool> wake_requested_{false};
  std::atomic<uint64_t> squeeze_until_ms_{0};
  Wishes relief_;  // what other devices lack
  // Set by run(), looked at by the xenbus watch thread.
  std::atomic<bool> finished_{false};
};

}  // namespace blkback
