// SPDX-License-Identifier: GPL-2.0
#include "device/device.h"

#include <algorithm>

#include "device/registry.h"
#include "device/thread_nodes.h"
#include "host/log.h"
#include "host/parameter.h"
#include "host/time.h"

namespace blkback {

namespace {
// After another device has lacked pages, this device keeps no free pages for this long.
constexpr uint32_t kReliefSqueezeMs = 100;

bool offers_rings(uint32_t frontend) {
  return frontend == HOST_XENBUS_INITIALISED || frontend == HOST_XENBUS_CONNECTED;
}
}  // namespace

Device::Device(host_device* host, GuestAccount& account)
    : host_work{},
      host_(host),
      account_(account),
      takes_over_(host_device_state(host) != HOST_XENBUS_INITIALISING) {
  memory_use_.set(host_memory_cost(sizeof(Device)));
  promise_.set(floor());
  host_work_init(this, DRIVER_WORK_DEVICE);
}

void Device::frontend_changed(uint32_t state) {
  frontend_state_.store(state, std::memory_order_relaxed);
  frontend_event_.store(true, std::memory_order_release);
  schedule();
}

void Device::physical_device_changed() {
  physical_device_event_.store(true, std::memory_order_release);
  schedule();
}

void Device::request_squeeze() {
  host_parameters parameters{};
  host_parameters_read(&parameters);
  squeeze_until_ms_.store(host_time_ms() + parameters.buffer_squeeze_duration_ms,
                          std::memory_order_relaxed);
  schedule();
}

void Device::request_wake() {
  wake_requested_.store(true, std::memory_order_release);
  schedule();
}

driver_disk_info Device::disk_info() {
  const SpinGuard guard(disk_info_lock_);
  return disk_info_;
}

// Gives back idle grants and free pages when other rings lack them, and asks other devices
// for what this device lacks.  A draining device takes part: its requests may wait, too.
void Device::share() {
  if (!connection_) return;
  const Scarce relief = relief_.take();
  if (relief != Scarce::kNothing) connection_->give_back();
  if (includes(relief, Scarce::kPages)) connection_->squeeze(host_time_ms() + kReliefSqueezeMs);
  const Scarce wishes = connection_->take_wishes();
  if (includes(wishes, Scarce::kBoth)) Registry::get().relieve(*this, wishes);
  if (includes(wishes, Scarce::kMemory)) Registry::get().relieve_guest(account_);
}

void Device::run() {
  share();
  check_progress();
  if (removed()) {
    if (drained()) destroy();
    return;
  }
  serve_requests();
  if (!announced_ && !announce()) return;
  if (physical_device_event_.exchange(false, std::memory_order_acquire)) open_disk();
  tell_opened();
  check_disk();
  for (uint32_t steps = 0; steps < kMostSteps; ++steps) {
    // Registry::request_removal() schedules the work once more.
    if (removed()) return;
    look_at_frontend();
    if (!take(next_step(situation()))) return;
  }
  schedule();
}

// Serves request_squeeze() and request_wake().
void Device::serve_requests() {
  if (!connection_) return;
  if (const uint64_t until = squeeze_until_ms_.exchange(0, std::memory_order_relaxed)) {
    connection_->squeeze(until);
  }
  if (wake_requested_.exchange(false, std::memory_order_acquire)) connection_->wake();
}

// Closes the connection, if there is one.  Returns true when there is none any more.
bool Device::drained() {
  if (connection_) connection_->close();
  (void)link();
  return !connection_;
}

// Destroys the device.  The work that calls this is never scheduled again: see
// Registry::remove().
void Device::destroy() {
  close_disk();
  Registry::get().remove(*this);
  host_device* host = host_;
  GuestAccount& account = account_;
  Owned<Device>(this).reset();
  Registry::get().leave(account);
  host_device_release(host);
}

// Plans another try after an access to xenstore has failed.  xenstored has quotas, and all
// backends of an unprivileged domain share the domain's quotas.  When the directory is gone
// there is nothing to try.
void Device::try_again(int error, const char* what) {
  if (error == -kEnoEnt || error == -kEnoDev) return;
  if (retry_ms_ == 0) {
    retry_ms_ = kFirstRetryMs;
    host_device_error(host_, error, "%s: it will be tried again", what);
  } else {
    retry_ms_ = std::min(2 * retry_ms_, kLastRetryMs);
  }
  host_work_schedule(this, retry_ms_);
}

bool Device::publish_state(host_xenbus_state state) {
  const int error = host_device_publish(host_, state, nullptr, 0);
  if (error == 0) {
    retry_ms_ = 0;
    return true;
  }
  // -EBUSY: the frontend has changed its state, and that event schedules the work.
  if (error != -kEbusy) try_again(error, "publishing our state");
  return false;
}

bool Device::offered(const Result<void>& offer) {
  if (offer) {
    retry_ms_ = 0;
    return true;
  }
  try_again(offer.error().number, "publishing the backend's limits");
  return false;
}

bool Device::announce() {
  announced_ = offered(offer_.continue_with(host_, offer_limits()));
  promise_offer();
  return announced_;
}

// What is offered is promised, before a frontend can read it: the disks of a guest are
// announced together.
host_parameters Device::offer_limits() {
  host_parameters parameters{};
  host_parameters_read(&parameters);
  Registry::get().set_cap_node(*this, read_cap(host_, log_));
  if (account_.capped()) {
    // Whether data will be copied is not known before the disk is open.
    const bool copies = !vbd_ || vbd_->copies();
    const uint64_t others = account_.promised() - promise_.bytes() + floor();
    const uint64_t cap = account_.cap();
    limit_offer(parameters, cap > others ? cap - others : 0, copies);
  }
  promise(parameters.max_queues, uint32_t{1} << parameters.max_ring_page_order,
          !vbd_ || vbd_->copies());
  return parameters;
}

void Device::promise_offer() {
  promise(offer_.queues(), uint32_t{1} << offer_.ring_page_order(), !vbd_ || vbd_->copies());
}

// Sets the floor that is promised to this device.  At the guest's cap the others give back
// what they have beyond theirs.
void Device::promise(uint32_t queues, uint32_t ring_pages, bool copies) {
  promise_.set(floor() + Connection::floor(queues, ring_pages, copies));
  if (account_.over()) Registry::get().wake_guest(account_);
}

void Device::look_at_frontend() {
  if (!frontend_event_.exchange(false, std::memory_order_acquire)) return;
  frontend_ = frontend_state_.load(std::memory_order_relaxed);
  frontend_seen_ = true;
  // The frontend makes a new try: earlier failures do not count.
  connect_failed_ = false;
  no_handles_since_ms_ = 0;
  publish_failures_ = 0;
  if (!offers_rings(frontend_) || link() != Link::kOpen) return;
  // A frontend may close and start over before we look; we then see only its last state.
  // Within one connection, Connected comes once and after Initialised: Initialised after
  // Connected means that the frontend has started over.  Other rings mean the same.
  frontend_restarted_ |= (frontend_ == HOST_XENBUS_INITIALISED && frontend_connected_) ||
                         !connection_->same_rings(host_);
  frontend_connected_ |= frontend_ == HOST_XENBUS_CONNECTED;
}

// Returns the state of the connection.  Destroys a connection that has drained.
Link Device::link() {
  if (connection_) {
    if (!connection_->closing()) return Link::kOpen;
    vbd_->publish(Vbd::kNothing);
    if (!connection_->drained()) return Link::kDraining;
    check_progress();
    if (!removed()) ThreadNodes::remove(host_, *connection_, log_);
    outlook_.show_connection(nullptr);
    connection_.reset();
    promise_.set(floor());
    Registry::get().disconnected();
    frontend_restarted_ = false;
    serving_ = false;
  }
  // After an unbind and a new bind the older device may still have the rings mapped.
  return Registry::get().has_predecessor(*this) ? Link::kDraining : Link::kNone;
}

Situation Device::situation() {
  const Link now = link();
  return {.frontend_seen = frontend_seen_,
          .frontend = frontend_,
          .own = host_device_state(host_),
          .link = now,
          .failed = open_failed_ || connect_failed_ || (disk_gone_ && now == Link::kOpen),
          .restarted = frontend_restarted_};
}

bool Device::take(Step step) {
  switch (step) {
    case Step::kNone:
      return false;
    case Step::kRefuse:
      connect_failed_ = true;
      host_device_error(host_, -kEinval, "saw state %u at the frontend: expected 1, 3, 4, 5 or 6",
                        frontend_);
      return true;
    case Step::kDrain:
      connection_->close();
      return true;
    case Step::kConnect:
      return connect();
    case Step::kInitWait:
      return prepare_for_reconnect();
    case Step::kConnected:
      serve_frontend();
      return false;
    case Step::kClosing:
      return publish_state(HOST_XENBUS_CLOSING);
    case Step::kClosed:
      become_closed();
      return false;
  }
  return false;
}

// A frontend that starts afresh reads the limits again: publishes the current ones, with
// InitWait.  Returns false when that failed.
bool Device::prepare_for_reconnect() {
  const bool renewed = offered(offer_.renew(host_, offer_limits()));
  promise_offer();
  if (!renewed) return false;
  host_log_limited(&log_.life, HOST_LOG_INFO, "%s: prepare for reconnect", host_device_name(host_));
  return true;
}

// Publishes Closed: nothing of the guest is mapped.  When the toolstack wants the device gone
// (online is 0), closes the disk first: the toolstack's detach script must find it closed.
// The xenbus watch thread then sees our state change and unregisters the device.
void Device::become_closed() {
  const int online = host_device_online(host_);
  if (online < 0) {
    try_again(online, "reading online");
    return;
  }
  if (online != 0) {
    if (host_device_state(host_) != HOST_XENBUS_CLOSED) (void)publish_state(HOST_XENBUS_CLOSED);
    return;
  }
  close_disk();
  finished_.store(true, std::memory_order_release);
  // When we have published Closed before, the toolstack may have written Closing over it.
  const bool again = host_device_state(host_) == HOST_XENBUS_CLOSED;
  const host_store_node nodes[] = {{"opened", 0}, {"state", HOST_XENBUS_CLOSED}};
  const int error = host_device_publish(host_, HOST_XENBUS_CLOSED, nodes, again ? 2 : 1);
  if (error != 0) try_again(error, "publishing our state");
}

}  // namespace blkback
