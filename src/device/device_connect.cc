// SPDX-License-Identifier: GPL-2.0
// How a device's work connects: makes the connection to the frontend's rings, publishes
// Connected, and serves.
#include "device/charge.h"
#include "device/device.h"
#include "device/registry.h"
#include "device/thread_nodes.h"
#include "host/log.h"
#include "host/parameter.h"
#include "host/time.h"

namespace blkback {

namespace {
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
}  // namespace

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
  Registry::get().set_cap_node(*this, read_cap(host_, log_));
  promise(frontend->queues, frontend->ring_pages, vbd_->copies());
  Result<Owned<Connection>> connection = Connection::create({.device = host_,
                                                             .account = account_,
                                                             .frontend = *frontend,
                                                             .disk_name = backend_.disk_name,
                                                             .vbd = *vbd_,
                                                             .statistics = statistics_,
                                                             .log = log_,
                                                             .owner = *this});
  if (!connection) return connection.error().number != -kEnoSpc || !connect_later();
  no_handles_since_ms_ = 0;
  if (!publish_disk(persistent, **connection)) return connect_failed_;

  adopt(std::move(*connection), *frontend);
  return true;
}

std::optional<bool> Device::write_out_disk() {
  const Result<void> synced = vbd_->sync();
  // sync() may have taken long: the device may be removed, or the frontend's state changed.
  if (removed()) return false;
  // Relaxed: look_at_frontend() reads what the event is about.
  if (frontend_event_.load(std::memory_order_relaxed)) {
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
  charge_disk(host_, *vbd_, log_);
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

// Publishes Connected, the nodes that the frontend then reads, and the threads' numbers.  Returns
// false on failure.  connect_failed_ then says whether the connection is given up; if not, a timer
// or the frontend's event leads to the next try.
bool Device::publish_disk(bool persistent, const Connection& connection) {
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
  ThreadNodes threads;
  std::span<const host_store_node> all = nodes;
  // No connect fails because of the threads' nodes: the next try is without them.
  if (publish_failures_ == 0 && ThreadNodes::prepare(host_, log_)) {
    all = threads.with_those_of(connection, nodes);
  }
  const int error = host_device_publish(host_, HOST_XENBUS_CONNECTED, all.data(),
                                        static_cast<uint32_t>(all.size()));
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
