// SPDX-License-Identifier: GPL-2.0
#include "device/device.h"

#include <optional>
#include <string_view>

#include "device/registry.h"
#include "device/text.h"
#include "host/log.h"
#include "host/parameter.h"
#include "host/time.h"

namespace blkback {

namespace {
constexpr int kEnoEnt = 2;
constexpr int kEbusy = 16;
constexpr int kEnoDev = 19;
// So long free pages that another device needs are given back at once.
constexpr uint32_t kReliefSqueezeMs = 100;
// How often, and for how long, a ring is tried again that found no handles.
constexpr uint32_t kConnectRetryMs = 100;
constexpr uint64_t kConnectPatienceMs = 10000;

bool contains(std::string_view text, char wanted) {
  for (const char c : text) {
    if (c == wanted) return true;
  }
  return false;
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
  if (removal_requested_.load(std::memory_order_acquire)) {
    if (disconnected()) destroy();
    return;
  }
  if (connection_) {
    if (const uint64_t until = squeeze_until_ms_.exchange(0, std::memory_order_relaxed)) {
      connection_->squeeze(until);
    }
    if (wake_requested_.exchange(false, std::memory_order_acquire)) connection_->wake();
  }
  if (!announced_) announce();
  open_disk();
  check_disk();
  follow_frontend();
}

// The disk may have been removed or resized.
void Device::check_disk() {
  if (!vbd_ || !connection_ || connection_->closing()) return;
  if (host_disk_gone(vbd_->disk())) {
    if (disk_gone_) return;
    disk_gone_ = true;
    host_device_error(host_, -kEnoDev, "the backing disk %s was removed from the system",
                      opened_text_);
    // The frontend's requests end with errors; it is asked to let go.
    if (host_device_state(host_) == HOST_XENBUS_CONNECTED) {
      host_device_switch_state(host_, HOST_XENBUS_CLOSING);
    }
    return;
  }
  const uint64_t sectors = vbd_->sectors();
  if (sectors == told_sectors_ || host_device_state(host_) != HOST_XENBUS_CONNECTED) return;
  const int error = host_store_resize(host_, sectors);
  if (error != 0) {
    if (error != -kEnoEnt && error != -kEbusy) {
      host_device_error(host_, error, "telling the frontend of %llu sectors",
                        static_cast<unsigned long long>(sectors));
    }
    return;
  }
  host_log(HOST_LOG_INFO, "%s: the disk has %llu sectors now, it had %llu", host_device_name(host_),
           static_cast<unsigned long long>(sectors),
           static_cast<unsigned long long>(told_sectors_));
  told_sectors_ = sectors;
}

// Asks the connection to close; true when there is none (any more).
bool Device::disconnected() {
  if (!connection_) return true;
  connection_->close();
  if (!connection_->drained()) return false;
  connection_.reset();
  return true;
}

// The end: the work that calls us is not scheduled again.
void Device::destroy() {
  vbd_.reset();
  Registry::get().remove(*this);
  host_device* host = host_;
  Owned<Device>(this).reset();
  host_device_release(host);
}

void Device::announce() {
  host_parameters parameters{};
  host_parameters_read(&parameters);
  const host_store_node nodes[] = {
      {"multi-queue-max-queues", parameters.max_queues},
      {"max-ring-page-order", parameters.max_ring_page_order},
      {"feature-max-indirect-segments", wire::kMaxIndirectSegments},
  };
  const int error = host_store_publish(host_, nodes, std::size(nodes));
  if (error != 0) {
    host_device_fatal(host_, error, "publishing the backend's limits");
    return;
  }
  announced_ = true;
  host_device_switch_state(host_, HOST_XENBUS_INIT_WAIT);
}

void Device::read_disk_name() {
  char text[64];
  if (host_store_read(host_, HOST_STORE_BACKEND, "dev", text, sizeof(text)) != 0) return;
  constexpr std::string_view kDirectory = "/dev/";
  const char* name = text;
  if (std::string_view(text).substr(0, kDirectory.size()) == kDirectory) {
    name = text + kDirectory.size();
  }
  (void)host_format(disk_name_, sizeof(disk_name_), "%s", name);
}

// Opens the disk when the hotplug script has named it.
void Device::open_disk() {
  char text[sizeof(opened_text_)];
  int error = host_store_read(host_, HOST_STORE_BACKEND, "physical-device", text, sizeof(text));
  // Whatever stands there next is something else than what was tried.
  if (error != 0 && !vbd_) opened_text_[0] = '\0';
  if (error == -kEnoEnt) return;  // the script is not that far
  if (error == 0 && std::string_view(text) == opened_text_) return;
  if (vbd_) {
    host_log_limited(HOST_LOG_WARNING,
                     "%s: changing the physical device from %s to %s is not supported",
                     host_device_name(host_), opened_text_, error == 0 ? text : "?");
    return;
  }
  // What was tried is not tried again before something else stands there.
  if (error == 0) (void)host_format(opened_text_, sizeof(opened_text_), "%s", text);
  const std::optional<DeviceNumber> number = error == 0 ? parse_device_number(text) : std::nullopt;
  if (!number) {
    host_device_fatal(host_, error != 0 ? error : -kEinval,
                      "physical-device is '%s': expected MAJOR:MINOR in hexadecimal",
                      error == 0 ? text : "");
    return;
  }

  driver_identity identity{.major = number->major, .minor = number->minor, .mode = {}};
  error = host_store_read(host_, HOST_STORE_BACKEND, "mode", identity.mode, sizeof(identity.mode));
  if (error != 0) {
    host_device_fatal(host_, error, "reading mode: expected r or w");
    return;
  }
  VbdConfig config{.major = number->major, .minor = number->minor};
  config.access = contains(identity.mode, 'w') ? Access::kReadWrite : Access::kReadOnly;
  char type[16];
  config.cdrom =
      host_store_read(host_, HOST_STORE_FRONTEND, "device-type", type, sizeof(type)) == 0 &&
      std::string_view(type) == "cdrom";

  char discard[16];
  config.discard =
      host_store_read(host_, HOST_STORE_BACKEND, "discard-enable", discard, sizeof(discard)) != 0 ||
      parse_number(discard, 10).value_or(1) != 0;

  Result<Owned<Vbd>> vbd = Vbd::open(config);
  if (!vbd) {
    host_device_fatal(host_, vbd.error().number, "opening device %s (mode %s)", text,
                      identity.mode);
    return;
  }
  {
    const SpinGuard guard(identity_lock_);
    identity_ = identity;
  }
  vbd_ = std::move(*vbd);
  read_disk_name();
  error = host_device_show(host_);
  if (error != 0) host_device_error(host_, error, "creating sysfs entries");
}

void Device::follow_frontend() {
  const bool event = frontend_event_.exchange(false, std::memory_order_acquire);
  if (event) connect_failed_ = false;
  const uint32_t frontend = frontend_state_.load(std::memory_order_relaxed);
  const host_xenbus_state own = host_device_state(host_);

  switch (frontend) {
    case HOST_XENBUS_UNKNOWN:
      // Not seen yet, or gone: then removal follows.
      break;

    case HOST_XENBUS_INITIALISING:
      // A fresh frontend: a kernel after a boot loader, or after a crash.
      if (!disconnected()) break;
      if (own == HOST_XENBUS_CLOSED || own == HOST_XENBUS_CONNECTED) {
        host_device_switch_state(host_, HOST_XENBUS_INIT_WAIT);
      }
      break;

    case HOST_XENBUS_INITIALISED:
    case HOST_XENBUS_CONNECTED:
      if (connection_ && !connection_->closing()) break;
      if (!disconnected()) break;
      if (!connect_failed_) connect();
      break;

    case HOST_XENBUS_CLOSING:
      if (own != HOST_XENBUS_CLOSED) host_device_switch_state(host_, HOST_XENBUS_CLOSING);
      break;

    case HOST_XENBUS_CLOSED:
      // What an unbound predecessor still has mapped is the guest's, too.
      if (disconnected() && !Registry::get().has_predecessor(*this)) become_closed();
      break;

    default:
      if (event) {
        host_device_fatal(host_, -kEinval, "saw state %u at the frontend: expected 1 to 6",
                          frontend);
      }
      break;
  }
}

// Nothing of the guest is mapped: say so.  When the toolstack wants the device
// gone, the xenbus watch thread sees our state change and unregisters it.
void Device::become_closed() {
  const bool gone = !host_device_online(host_);
  if (gone) finished_.store(true, std::memory_order_release);
  if (host_device_state(host_) != HOST_XENBUS_CLOSED) {
    host_device_switch_state(host_, HOST_XENBUS_CLOSED);
  } else if (gone) {
    // Closed since long; the toolstack may have written Closing over it.
    const host_store_node state{"state", HOST_XENBUS_CLOSED};
    (void)host_store_publish(host_, &state, 1);
  }
}

void Device::connect() {
  // The device was unbound and bound again: the ring is still the old one's.
  if (Registry::get().has_predecessor(*this)) return;
  if (!vbd_) return;
  if (host_disk_gone(vbd_->disk())) {
    host_device_fatal(host_, -kEnoDev, "the backing disk %s was removed from the system",
                      opened_text_);
    connect_failed_ = true;
    return;
  }
  host_parameters parameters{};
  host_parameters_read(&parameters);

  connect_failed_ = true;
  const Result<FrontendConfig> frontend = read_frontend(host_, parameters);
  if (!frontend) return;
  if (const Result<void> synced = vbd_->sync(); !synced) {
    host_device_fatal(host_, synced.error().number, "writing out the disk's cached blocks");
    return;
  }
  vbd_->describe();
  publish_and_serve(*frontend, parameters);
}

// There are no handles for the rings: others give some back.
void Device::connect_later() {
  const uint64_t now_ms = host_time_ms();
  if (no_handles_since_ms_ == 0) no_handles_since_ms_ = now_ms;
  if (now_ms - no_handles_since_ms_ >= kConnectPatienceMs) {
    no_handles_since_ms_ = 0;
    host_device_fatal(host_, -kEnoSpc,
                      "mapping the rings: Xen has no more handles for this domain's mappings; its "
                      "option gnttab_max_maptrack_frames (of a driver domain: max_maptrack_frames) "
                      "allows more");
    return;
  }
  connect_failed_ = false;
  Registry::get().relieve(*this, Scarce::kHandles);
  host_work_schedule(this, kConnectRetryMs);
}

void Device::publish_and_serve(const FrontendConfig& frontend, const host_parameters& parameters) {
  Result<Owned<Connection>> connection = Connection::create({.device = host_,
                                                             .frontend = frontend,
                                                             .disk_name = disk_name_,
                                                             .vbd = *vbd_,
                                                             .statistics = statistics_,
                                                             .owner = *this});
  if (!connection) {
    if (connection.error().number == -kEnoSpc) connect_later();
    return;
  }
  no_handles_since_ms_ = 0;

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
      {"feature-max-indirect-segments", wire::kMaxIndirectSegments},
      {"feature-persistent", parameters.feature_persistent},
      {"sectors", sectors},
      {"info", vbd_->info()},
      {"sector-size", geometry.logical_block_bytes},
      {"physical-sector-size", geometry.physical_block_bytes},
  };
  const int error = host_store_publish(host_, nodes, std::size(nodes));
  if (error != 0) {
    host_device_fatal(host_, error, "publishing the disk's properties");
    return;
  }
  connection_ = std::move(*connection);
  connect_failed_ = false;
  told_sectors_ = sectors;
  host_log_limited(
      HOST_LOG_INFO, "%s: using %u queues of %u ring pages, protocol %u%s", host_device_name(host_),
      frontend.queues, frontend.ring_pages, static_cast<uint32_t>(frontend.layout),
      frontend.persistence == Mapper::Persistence::kNegotiated ? ", persistent grants" : "");
  host_device_switch_state(host_, HOST_XENBUS_CONNECTED);
  connection_->serve();
  // What happened to the disk since it was described was not seen.
  check_disk();
}

}  // namespace blkback
