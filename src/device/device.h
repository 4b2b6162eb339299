// SPDX-License-Identifier: GPL-2.0
// One xenbus device's life.
//
// Each outside event (a change of the frontend's state or of the toolstack's nodes, a removal,
// a drained queue) is recorded and schedules the device's work.  The work checks everything
// and takes the next steps.  The state machine (next_step.h) is therefore level triggered and
// runs in one context only.  It may wait for a disk, because nobody waits for the work.
//
// INVARIANT: Closed is published only when nothing of the guest is mapped.  When the device
// goes for good, its disk is closed first, too.
// BEWARE: the work may wait for minutes in open_disk() and connect().  Meanwhile the device
// may be removed, and its xenstore directory may become another device's.  The host interface
// then refuses to touch the directory, and removed() is true.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "base/intrusive_list.h"
#include "base/lock.h"
#include "base/log_limits.h"
#include "base/owned.h"
#include "device/backend.h"
#include "device/connection.h"
#include "device/guest_account.h"
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
  Device(host_device* host, GuestAccount& account);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // Called from outside the work, at any time.
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
  void read_latency(driver_request_kind request, driver_latency_span span,
                    std::span<uint64_t, DRIVER_LATENCY_BUCKETS> buckets) {
    statistics_.read_latency(request, span, buckets);
  }
  [[nodiscard]] driver_disk_info disk_info() BLKBACK_EXCLUDES(disk_info_lock_);
  // For disk events and the survey: should the work be scheduled?  See Outlook.
  [[nodiscard]] bool has_disk(uint32_t major, uint32_t minor) {
    return outlook_.has_disk(major, minor);
  }
  [[nodiscard]] bool needs_look(uint64_t now_ms) { return outlook_.has_news(now_ms); }
  // For the functions of driver_inspection.h.
  [[nodiscard]] Outlook& outlook() { return outlook_; }
  [[nodiscard]] GuestAccount& account() const { return account_; }
  // The last value of the toolstack's node of the guest's cap.  Guarded by the registry's lock.
  void set_cap_node(std::optional<uint32_t> kib) { cap_node_ = kib; }
  [[nodiscard]] std::optional<uint32_t> cap_node() const { return cap_node_; }
  [[nodiscard]] uint64_t xenbus_key() const { return host_device_key(host_); }

  // Takes the next steps.  Context: the work.
  void run();

 private:
  // A failed access to xenstore is tried again after kFirstRetryMs.  With each failure the
  // delay doubles, up to kLastRetryMs.
  static constexpr uint32_t kFirstRetryMs = 50;
  static constexpr uint32_t kLastRetryMs = 2000;
  // A connection is given up when its publication has failed this often in a row.
  static constexpr uint32_t kPublishTries = 12;
  // The steps that one run takes at most before it lets other work run.
  static constexpr uint32_t kMostSteps = 8;

  [[nodiscard]] bool removed() const { return removal_requested_.load(std::memory_order_acquire); }
  [[nodiscard]] bool drained();
  void share();
  void destroy();
  void serve_requests();
  [[nodiscard]] bool announce();
  [[nodiscard]] bool offered(const Result<void>& offer);
  // What may be offered to a frontend, with respect to the guest's cap.
  [[nodiscard]] host_parameters offer_limits();
  void promise_offer();
  void promise(uint32_t queues, uint32_t ring_pages, bool copies);
  [[nodiscard]] static uint64_t floor() {
    return host_memory_cost(sizeof(Device)) + host_memory_cost(sizeof(Vbd));
  }
  void open_disk() BLKBACK_EXCLUDES(disk_info_lock_);
  void tell_opened();
  void close_disk();
  void check_disk();
  void check_progress();

  void look_at_frontend();
  [[nodiscard]] Link link();
  [[nodiscard]] Situation situation();
  // Takes the step.  Returns true when there may be another step to take.
  [[nodiscard]] bool take(Step step);
  [[nodiscard]] bool connect();
  // Writes the host's cached blocks out and looks at the disk again.  Returns the result of
  // connect() when that ends it.
  [[nodiscard]] std::optional<bool> write_out_disk();
  void adopt(Owned<Connection>&& connection, const FrontendConfig& frontend);
  [[nodiscard]] bool connect_later();
  [[nodiscard]] bool publish_disk(bool persistent, const Connection& connection);
  void serve_frontend();
  [[nodiscard]] bool prepare_for_reconnect();
  void become_closed();

  [[nodiscard]] bool publish_state(host_xenbus_state state);
  void try_again(int error, const char* what);

  host_device* const host_;
  GuestAccount& account_;
  FloorUse memory_use_{account_};
  Promise promise_{account_};
  std::optional<uint32_t> cap_node_;
  // Did another device have the directory before: was a driver unbound?
  const bool takes_over_;
  Statistics statistics_;
  LogLimits log_;  // shared with the rings

  // Used by the work only.  It never runs twice at the same time, so these need no lock.
  Owned<Vbd> vbd_;
  Owned<Connection> connection_;
  BackendConfig backend_;             // as of the last open_disk()
  uint32_t frontend_ = 0;             // the frontend's state, as the work last saw it
  uint32_t retry_ms_ = 0;             // 0: the last write to xenstore succeeded
  uint32_t publish_failures_ = 0;     // of publish_disk(), in a row
  uint32_t opened_retry_ms_ = 0;      // 0: tell_opened() has not failed
  uint64_t no_handles_since_ms_ = 0;  // for the rings; 0: the last try found handles
  Offer offer_;
  bool announced_ = false;
  bool frontend_seen_ = false;
  bool frontend_connected_ = false;  // the frontend was Connected within this connection
  bool frontend_restarted_ = false;  // the frontend has started over: its rings are new
  bool serving_ = false;
  bool opened_told_ = false;     // the toolstack was told that the disk is open
  bool open_failed_ = false;     // until physical-device is written again
  bool connect_failed_ = false;  // until the frontend's state is written, or the disk opened
  bool disk_gone_ = false;
  bool hung_ = false;  // as last reported in the log
  uint64_t hung_since_ms_ = 0;
  Outlook outlook_;

  SpinLock disk_info_lock_{HOST_LOCK_STATISTICS};
  driver_disk_info disk_info_ BLKBACK_GUARDED_BY(disk_info_lock_){};

  // Written by the functions that are called from outside, read by run().
  std::atomic<uint32_t> frontend_state_{HOST_XENBUS_UNKNOWN};
  std::atomic<bool> frontend_event_{false};
  std::atomic<bool> physical_device_event_{false};
  std::atomic<bool> removal_requested_{false};
  std::atomic<bool> wake_requested_{false};
  std::atomic<uint64_t> squeeze_until_ms_{0};
  Wishes relief_;  // the resources that other rings lack
  // Set by run(), read by the xenbus watch thread.  Pairs with finished().
  std::atomic<bool> finished_{false};
};

}  // namespace blkback
