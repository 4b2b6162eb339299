// SPDX-License-Identifier: GPL-2.0
#include "device/device.h"

#include <algorithm>

#include "device/registry.h"
#include "host/log.h"
#include "host/parameter.h"
#include "host/time.h"

namespace blkback {

namespace {
// After another device has lacked pages, this device keeps no free pages for this long.
constexpr uint32_t kReliefSqueezeMs = 100;
// The interval and the total time of the retries when a connection finds no handles for its
// rings.
constexpr uint32_t kConnectRetryMs = 100;
constexpr uint64_t kConnectPatienceMs = 10000;

// The names that the in-tree driver has always used in its log.
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
  Owned<Device>(this).reset();
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
  host_parameters parameters{};
  host_parameters_read(&parameters);
  announced_ = offered(offer_.continue_with(host_, parameters));
  return announced_;
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
    outlook_.show_connection(nullptr);
    connection_.reset();
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
  host_parameters parameters{};
  host_parameters_read(&parameters);
  if (!offered(offer_.renew(host_, parameters))) return false;
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
  if (online == 0) {
    close_disk();
    finished_.store(true, std::memory_order_release);
  }
  if (host_device_state(host_) != HOST_XENBUS_CLOSED) {
    (void)publish_state(HOST_XENBUS_CLOSED);
  } else if (online == 0) {
    // We have published Closed before, but the toolstack may have written Closing over it.
    const host_store_node state{"state", HOST_XENBUS_CLOSED};
    const int error = host_device_publish(host_, HOST_XENBUS_CLOSED, &state, 1);
    if (error != 0) try_again(error, "publishing our state");
  }
}

bool Device::connect() {
  if (!vbd_) return false;  // the toolstack has not named the disk yet
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
  if (const std::optional<bool> ended = write_out_disk()) return *ended;
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

  adopt(std::move(*connection), *frontend);
  return true;
}

std::optional<bool> Device::write_out_disk() {
  const Result<void> synced = vbd_->sync();
  // sync() may have taken long: the device may be removed, or the frontend's state changed.
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
  return std::nullopt;
}

void Device::adopt(Owned<Connection>&& connection, const FrontendConfig& frontend) {
  connection_ = std::move(connection);
  disk_gone_ = false;  // checked in connect(), and again in serve_frontend()
  outlook_.know(disk_gone_, hung_);
  outlook_.show_connection(connection_.get());
  Registry::get().connected();
  connect_failed_ = false;
  frontend_connected_ = frontend_ == HOST_XENBUS_CONNECTED;
  host_log_limited(
      &log_.life, HOST_LOG_INFO, "%s: using %u queues, protocol %u (%s)%s, %u ring pages",
      host_device_name(host_), frontend.queues, static_cast<uint32_t>(frontend.layout),
      protocol_name(frontend.layout),
      frontend.persistence == Mapper::Persistence::kNegotiated ? " persistent grants" : "",
      frontend.ring_pages);
}

// Xen has no handles for the rings: plans another try.  Returns false, and reports the
// device's error, when that has been so for kConnectPatienceMs.
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

// Publishes Connected and the nodes that the frontend then reads.  Returns false on failure.
// connect_failed_ then says whether the connection is given up; if not, a timer or the
// frontend's event leads to the next try.
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
    connect_failed_ = false;  // the frontend has changed its state; its event schedules us
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
  // No check has seen changes of the disk since describe().
  check_disk();
}

}  // namespace blkback
