// SPDX-License-Identifier: GPL-2.0
// How a device's work handles its disk: opens it, notices that it changes or hangs, closes
// it.
#include <algorithm>
#include <iterator>
#include <string_view>

#include "device/device.h"
#include "host/log.h"
#include "host/time.h"

namespace blkback {

// Opens the disk that the hotplug script has named in physical-device.  Each write to that
// node is a new try: the disk may work now.
void Device::open_disk() {
  if (finished()) return;
  const Result<BackendConfig> config = read_backend(host_);
  if (vbd_) {
    const char* now = config ? config->physical_device : "?";
    if (std::string_view(now) == backend_.physical_device) return;
    host_log_limited(&log_.disk, HOST_LOG_WARNING,
                     "%s: changing the physical device from %s to %s is not supported",
                     host_device_name(host_), backend_.physical_device, now);
    return;
  }
  if (!config) {
    open_failed_ = config.error().number != -kEnoEnt;
    return;
  }
  backend_ = *config;
  open_failed_ = true;
  Result<Owned<Vbd>> vbd = Vbd::open(backend_.vbd);
  if (!vbd) {
    host_device_error(host_, vbd.error().number,
                      "opening device %s (mode %s): write physical-device again when it works",
                      backend_.physical_device, backend_.disk_info.mode);
    return;
  }
  if (!is_same_disk(host_, backend_, **vbd) || !serves_blocks(host_, backend_, **vbd)) return;
  if (takes_over_ && !is_disk_of_before(host_, backend_, **vbd)) return;
  open_failed_ = false;
  connect_failed_ = false;
  {
    const SpinGuard guard(disk_info_lock_);
    disk_info_ = backend_.disk_info;
  }
  vbd_ = std::move(*vbd);
  memory_use_.set(floor());
  outlook_.show_disk(vbd_.get());
  const int error = host_device_show(host_);
  if (error != 0 && error != -kEnoDev) host_device_error(host_, error, "creating sysfs entries");
}

// Tells the toolstack that the disk is open: it need not hold the disk itself any more, as a
// loop device that vanishes with its last user.  A failure holds up no frontend.
void Device::tell_opened() {
  if (!vbd_ || opened_told_ || removed()) return;
  const host_store_node nodes[] = {{"opened", 1},
                                   {HOST_STORE_OPENED_DISK, host_disk_sequence(vbd_->disk())}};
  const int error = host_store_write(host_, nodes, std::size(nodes));
  opened_told_ = error == 0;
  if (opened_told_ || error == -kEnoEnt || error == -kEnoDev) return;
  if (opened_retry_ms_ == 0) {
    host_device_error(host_, error, "telling that the disk is open: it will be tried again");
  }
  opened_retry_ms_ = std::clamp(2 * opened_retry_ms_, kFirstRetryMs, kLastRetryMs);
  host_work_schedule(this, opened_retry_ms_);
}

void Device::close_disk() {
  outlook_.show_disk(nullptr);
  vbd_.reset();
  memory_use_.set(host_memory_cost(sizeof(Device)));
}

// Checks whether the disk of an open connection was removed or resized.
void Device::check_disk() {
  if (!vbd_ || !connection_ || connection_->closing()) return;
  if (host_disk_gone(vbd_->disk())) {
    if (disk_gone_) return;
    // The frontend's requests now end with errors.  We publish Closing, so that it lets go.
    disk_gone_ = true;
    outlook_.know(disk_gone_, hung_);
    host_device_error(host_, -kEnoDev, "the backing disk %s was removed from the system",
                      backend_.physical_device);
    return;
  }
  const uint64_t sectors = vbd_->sectors();
  const uint64_t told = vbd_->published_sectors();
  if (sectors == told || host_device_state(host_) != HOST_XENBUS_CONNECTED) return;
  const int error = host_store_resize(host_, sectors);
  if (error != 0) {
    // -EBUSY: the toolstack has written Closing over our state.
    if (error != -kEbusy) try_again(error, "telling the frontend of the disk's new size");
    return;
  }
  retry_ms_ = 0;
  host_log(HOST_LOG_INFO, "%s: the disk has %llu sectors now, it had %llu", host_device_name(host_),
           static_cast<unsigned long long>(sectors), static_cast<unsigned long long>(told));
  vbd_->publish(sectors);
}

// Only the administrator can help a disk that hangs: logs once that the disk hangs, and once
// that it goes on.
void Device::check_progress() {
  if (!connection_) return;
  const uint64_t now_ms = host_time_ms();
  const uint64_t stalled_ms = connection_->stalled_ms(now_ms);
  const bool hung = stalled_ms >= Outlook::kHungMs;
  if (hung == hung_) return;
  hung_ = hung;
  outlook_.know(disk_gone_, hung_);
  if (hung) {
    hung_since_ms_ = now_ms - stalled_ms;
    host_log(HOST_LOG_WARNING,
             "%s: the disk %s hangs: it has answered none of the guest's requests for %llu s",
             host_device_name(host_), backend_.physical_device,
             static_cast<unsigned long long>(stalled_ms / 1000));
    return;
  }
  host_log(HOST_LOG_INFO, "%s: the disk %s goes on; it hung for %llu s", host_device_name(host_),
           backend_.physical_device,
           static_cast<unsigned long long>((now_ms - hung_since_ms_) / 1000));
}

}  // namespace blkback
