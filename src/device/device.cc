// SPDX-License-Identifier: GPL-2.0
#include "device/device.h"

#include <algorithm>

#include "device/registry.h"
#include "host/log.h"
#include "host/parameter.h"
#include "host/time.h"

namespace blkback {

namespace {
// So long free pages that another device needs are given back at once.
constexpr uint32_t kReliefSqueezeMs = 100;
// How often, and for how long, a connection is tried again that found no handles
// for its rings.
constexpr uint32_t kConnectRetryMs = 100;
constexpr uint64_t kConnectPatienceMs = 10000;

// As Linux' driver has always called them in its log.
const char* protocol_name(wire::Layout layout) {
  switch (layout) {
    case wire::Layout::kX86_32:
      return XEN_IO_PROTO_ABI_X86_32;
    case wire::Layout::kX86_64:
      return XEN_IO_PROTO_ABI_X86_64;
    case wire::Layout::kNative:
      break;
  }
  return XEN_IO_PROTO_ABI_NATIVE;
}

bool offers_rings(uint32_t frontend) {
  return frontend == HOST_XENBUS_INITIALISED || frontend == HOST_XENBUS_CONNECTED;
}
}  // namespace

Device::Device(host_device* host) : host_work{}, host_(host) {
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

driver_identity Device::identity() {
  const SpinGuard guard(identity_lock_);
  return identity_;
}

// Lets other devices have what this one keeps for later, and asks for what it
// lacks.  A device that drains takes part: it has requests that wait, too.
void Device::share() {
  if (!connection_) return;
  const Scarce relief = relief_.take();
  if (relief != Scarce::kNothing) connection_->give_back();
  if (includes(relief, Scarce::kPages)) connection_->squeeze(host_time_ms() + kReliefSqueezeMs);
  const Scarce wishes = connection_->take_wishes();
  if (wishes != Scarce::kNothing) Registry::get().relieve(*this, wishes);
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
  check_disk();
  for (uint32_t steps = 0; steps < kMostSteps; ++steps) {
    // Whoever asked for the removal schedules us once more.
    if (removed()) return;
    look_at_frontend();
    if (!take(next_step(situation()))) return;
  }
  schedule();
}

// What others have asked for.
void Device::serve_requests() {
  if (!connection_) return;
  if (const uint64_t until = squeeze_until_ms_.exchange(0, std::memory_order_relaxed)) {
    connection_->squeeze(until);
  }
  if (wake_requested_.exchange(false, std::memory_order_acquire)) connection_->wake();
}

// Asks the connection to close; true when there is none (any more).
bool Device::drained() {
  if (connection_) connection_->close();
  (void)link();
  return !connection_;
}

// The end: the work that calls us is not scheduled again.
void Device::destroy() {
  close_disk();
  Registry::get().remove(*this);
  host_device* host = host_;
  Owned<Device>(this).reset();
  host_device_release(host);
}

// What is published may be refused: xenstored has quotas, and an unprivileged
// domain shares its own with all its backends.  Nothing to try when the
// directory is gone.
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
  // Busy: the frontend has gone on, and its event comes.
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
  host_parameters parameters{};
  host_parameters_read(&parameters);
  announced_ = offered(offer_.continue_with(host_, parameters));
  return announced_;
}

void Device::look_at_frontend() {
  if (!frontend_event_.exchange(false, std::memory_order_acquire)) return;
  frontend_ = frontend_state_.load(std::memory_order_relaxed);
  frontend_seen_ = true;
  // What has failed was another try of it.
  connect_failed_ = false;
  no_handles_since_ms_ = 0;
  publish_failures_ = 0;
  if (!offers_rings(frontend_) || link() != Link::kOpen) return;
  // A frontend may close and start over faster than we look: only the last of
  // its states is seen then.  Connected comes once in a connection, and after
  // Initialised.
  frontend_restarted_ |= (frontend_ == HOST_XENBUS_INITIALISED && frontend_connected_) ||
                         !connection_->same_rings(host_);
  frontend_connected_ |= frontend_ == HOST_XENBUS_CONNECTED;
}

// Forgets a connection that has drained.
Link Device::link() {
  if (connection_) {
    if (!connection_->closing()) return Link::kOpen;
    vbd_->publish(Vbd::kNothing);
    if (!connection_->drained()) return Link::kDraining;
    check_progress();
    outlook_.show_connection(nullptr);
    connection_.reset();
    Registry::get().disconnected();
    frontend_restarted_ = false;
    serving_ = false;
  }
  // The device was unbound and bound again: its rings are still the old one's.
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

// A frontend that starts afresh reads again what it may ask for.
bool Device::prepare_for_reconnect() {
  host_parameters parameters{};
  host_parameters_read(&parameters);
  if (!offered(offer_.renew(host_, parameters))) return false;
  host_log_limited(&log_.life, HOST_LOG_INFO, "%s: prepare for reconnect", host_device_name(host_));
  return true;
}

// Nothing of the guest is mapped: say so.  When the toolstack wants the device
// gone, its detach script must find the disk closed; the xenbus watch thread
// then sees our state change and unregisters the device.
void Device::become_closed() {
  const int online = host_device_online(host_);
  if (online < 0) {
    try_again(online, "reading online");
    return;
  }
  if (online == 0) {
    close_disk();
    finished_.store(true, std::memory_order_release);
  }
  if (host_device_state(host_) != HOST_XENBUS_CLOSED) {
    (void)publish_state(HOST_XENBUS_CLOSED);
  } else if (online == 0) {
    // Closed since long; the toolstack may have written Closing over it.
    const host_store_node state{"state", HOST_XENBUS_CLOSED};
    const int error = host_device_publish(host_, HOST_XENBUS_CLOSED, &state, 1);
    if (error != 0) try_again(error, "publishing our state");
  }
}

bool Device::connect() {
  if (!vbd_) return false;  // the toolstack is not that far
  host_parameters parameters{};
  host_parameters_read(&parameters);

  connect_failed_ = true;
  if (host_disk_gone(vbd_->disk())) {
    host_device_error(host_, -kEnoDev, "the backing disk %s was removed from the system",
                      backend_.physical_device);
    return true;
  }
  const bool persistent = Offer::persistent(host_, parameters, frontend_ == HOST_XENBUS_CONNECTED);
  const Result<FrontendConfig> frontend =
      read_frontend(host_, {.queues = offer_.queues(),
                            .ring_page_order = offer_.ring_page_order(),
                            .persistent = persistent,
                            .x86 = parameters.x86 != 0});
  if (!frontend) return true;
  const Result<void> synced = vbd_->sync();
  // That may have taken long: the device may be gone, or the frontend elsewhere.
  if (removed()) return false;
  if (frontend_event_.load(std::memory_order_acquire)) {
    connect_failed_ = false;
    return true;
  }
  if (!synced) {
    host_device_error(host_, synced.error().number, "writing out the disk's cached blocks");
    return true;
  }
  vbd_->describe();
  if (!serves_blocks(host_, backend_, *vbd_)) return true;
  Result<Owned<Connection>> connection = Connection::create({.device = host_,
                                                             .frontend = *frontend,
                                                             .disk_name = backend_.disk_name,
                                                             .vbd = *vbd_,
                                                             .statistics = statistics_,
                                                             .log = log_,
                                                             .owner = *this});
  if (!connection) return connection.error().number != -kEnoSpc || !connect_later();
  no_handles_since_ms_ = 0;
  if (!publish_disk(persistent)) return connect_failed_;

  connection_ = std::move(*connection);
  disk_gone_ = false;  // looked at above, and again when the frontend is served
  outlook_.know(disk_gone_, hung_);
  outlook_.show_connection(connection_.get());
  Registry::get().connected();
  connect_failed_ = false;
  frontend_connected_ = frontend_ == HOST_XENBUS_CONNECTED;
  host_log_limited(
      &log_.life, HOST_LOG_INFO, "%s: using %u queues, protocol %u (%s)%s, %u ring pages",
      host_device_name(host_), frontend->queues, static_cast<uint32_t>(frontend->layout),
      protocol_name(frontend->layout),
      frontend->persistence == Mapper::Persistence::kNegotiated ? " persistent grants" : "",
      frontend->ring_pages);
  return true;
}

// There are no handles for the rings.  False when that has been so for too long.
bool Device::connect_later() {
  const uint64_t now_ms = host_time_ms();
  if (no_handles_since_ms_ == 0) no_handles_since_ms_ = now_ms;
  if (now_ms - no_handles_since_ms_ >= kConnectPatienceMs) {
    no_handles_since_ms_ = 0;
    host_device_error(host_, -kEnoSpc,
                      "mapping the rings: Xen has no more handles for this domain's mappings; its "
                      "option gnttab_max_maptrack_frames (of a driver domain: max_maptrack_frames) "
                      "allows more");
    return false;
  }
  connect_failed_ = false;
  Registry::get().relieve(*this, Scarce::kHandles);
  host_work_schedule(this, kConnectRetryMs);
  return true;
}

// Connected, and what the frontend then reads.  False when it did not go well:
// to be tried again, or connect_failed_.
bool Device::publish_disk(bool persistent) {
  const host_disk_geometry& geometry = vbd_->geometry();
  const uint64_t sectors = vbd_->sectors();
  const bool discard = vbd_->offers_discard();
  const host_store_node nodes[] = {
      {"feature-flush-cache", geometry.write_cache},
      {"feature-barrier", geometry.write_cache},
      {"feature-discard", discard ? 1u : 0u},
      {"discard-granularity", discard ? geometry.discard_granularity_bytes : 0},
      {"discard-alignment", discard ? geometry.discard_alignment_bytes : 0},
      {"discard-secure", vbd_->offers_secure_discard() ? 1u : 0u},
      {"feature-persistent", persistent ? 1u : 0u},
      {"sectors", sectors},
      {"info", vbd_->info()},
      {"sector-size", geometry.logical_block_bytes},
      {"physical-sector-size", geometry.physical_block_bytes},
  };
  const int error = host_device_publish(host_, HOST_XENBUS_CONNECTED, nodes, std::size(nodes));
  if (error == 0) {
    vbd_->publish(sectors);
    retry_ms_ = 0;
    publish_failures_ = 0;
    return true;
  }
  if (error == -kEbusy) {
    connect_failed_ = false;  // the frontend has gone on, and its event comes
  } else if (++publish_failures_ < kPublishTries) {
    connect_failed_ = false;
    try_again(error, "publishing the disk's properties");
  } else {
    publish_failures_ = 0;
    host_device_error(host_, error, "publishing the disk's properties");
  }
  return false;
}

void Device::serve_frontend() {
  if (host_device_state(host_) != HOST_XENBUS_CONNECTED && !publish_state(HOST_XENBUS_CONNECTED)) {
    return;
  }
  if (serving_) return;
  serving_ = true;
  connection_->serve();
  // What happened to the disk since it was described was not seen.
  check_disk();
}

}  // namespace blkback
