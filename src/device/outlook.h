// SPDX-License-Identifier: GPL-2.0
// What others than a device's work may look at: its disk and its connection,
// from when they are there until they are not.
//
// The survey and the host's events look at many devices, most of which have
// nothing to do: only those that have are scheduled.
#pragma once

#include <cstdint>

#include "base/lock.h"
#include "device/connection.h"
#include "vbd/vbd.h"

namespace blkback {

class Outlook {
 public:
  // From then on, and until the same with nullptr has returned, others look at
  // it.  Context: the device's work.
  void show_disk(const Vbd* vbd) BLKBACK_EXCLUDES(lock_);
  void show_connection(const Connection* connection) BLKBACK_EXCLUDES(lock_);

  // What the work knows already and need not be told again.
  void know(bool gone, bool hung) BLKBACK_EXCLUDES(lock_);

  // Is it that disk, or a partition of it?  Context: any.
  [[nodiscard]] bool has_disk(uint32_t major, uint32_t minor) BLKBACK_EXCLUDES(lock_);

  // Has a connected disk changed, does it hang, or does it answer again?
  // Context: any.
  [[nodiscard]] bool has_news(uint64_t now_ms) BLKBACK_EXCLUDES(lock_);

  // A disk that answers nothing for so long hangs.
  static constexpr uint64_t kHungMs = 30000;

 private:
  SpinLock lock_{HOST_LOCK_STATISTICS};
  const Vbd* vbd_ BLKBACK_GUARDED_BY(lock_) = nullptr;
  const Connection* connection_ BLKBACK_GUARDED_BY(lock_) = nullptr;
  bool gone_ BLKBACK_GUARDED_BY(lock_) = false;
  bool hung_ BLKBACK_GUARDED_BY(lock_) = false;
};

}  // namespace blkback
