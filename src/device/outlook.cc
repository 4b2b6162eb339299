// SPDX-License-Identifier: GPL-2.0
#include "device/outlook.h"

#include "host/block.h"

namespace blkback {

void Outlook::show_disk(const Vbd* vbd) {
  const SpinGuard guard(lock_);
  vbd_ = vbd;
  gone_ = false;
}

void Outlook::show_connection(const Connection* connection) {
  const SpinGuard guard(lock_);
  connection_ = connection;
}

void Outlook::know(bool gone, bool hung) {
  const SpinGuard guard(lock_);
  gone_ = gone;
  hung_ = hung;
}

bool Outlook::has_disk(uint32_t major, uint32_t minor) {
  const SpinGuard guard(lock_);
  return vbd_ != nullptr && host_disk_is(vbd_->disk(), major, minor);
}

bool Outlook::has_news(uint64_t now_ms) {
  const SpinGuard guard(lock_);
  if (connection_ == nullptr || vbd_ == nullptr) return false;
  if ((connection_->stalled_ms(now_ms) >= kHungMs) != hung_) return true;
  // The connection is closing: its frontend is told nothing more.
  if (vbd_->published_sectors() == Vbd::kNothing) return false;
  return vbd_->sectors() != vbd_->published_sectors() || (host_disk_gone(vbd_->disk()) && !gone_);
}

bool Outlook::inspect(driver_connection_info& info) {
  const SpinGuard guard(lock_);
  info = driver_connection_info{};
  if (connection_ == nullptr || vbd_ == nullptr) return false;
  connection_->inspect(info);
  // The work reads the disk's properties again only while there is no connection.
  const host_disk_geometry& geometry = vbd_->geometry();
  info.logical_block_bytes = geometry.logical_block_bytes;
  info.physical_block_bytes = geometry.physical_block_bytes;
  info.write_cache = geometry.write_cache;
  info.sectors = vbd_->published_sectors();
  return true;
}

bool Outlook::inspect_ring(uint32_t ring, driver_ring_info& info,
                           std::span<driver_request_info> requests) {
  const SpinGuard guard(lock_);
  const Queue* queue = connection_ != nullptr ? connection_->ring(ring) : nullptr;
  if (queue == nullptr) return false;
  queue->inspect(info, requests);
  return true;
}

bool Outlook::kick(uint32_t ring) {
  const SpinGuard guard(lock_);
  const Queue* queue = connection_ != nullptr ? connection_->ring(ring) : nullptr;
  if (queue == nullptr) return false;
  queue->wake();
  return true;
}

}  // namespace blkback
