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

}  // namespace blkback
