// SPDX-License-Identifier: GPL-2.0
// The parts of a device that other contexts than its work may look at: its disk and its
// connection, as long as they exist.  The lock is held for as long as a context looks.
//
// The survey and the host's disk events look at many devices, most of which have nothing to
// do.  Only devices that have something to do get their work scheduled.
#pragma once

#include <cstdint>
#include <span>

#include "base/lock.h"
#include "device/connection.h"
#include "vbd/vbd.h"

namespace blkback {

class Outlook {
 public:
  // Other contexts may use the object until the same function has returned from a call with
  // nullptr.  Context: the device's work.
  void show_disk(const Vbd* vbd) BLKBACK_EXCLUDES(lock_);
  void show_connection(const Connection* connection) BLKBACK_EXCLUDES(lock_);

  // Sets what the work knows already: has_news() does not report that again.  Context: the
  // device's work.
  void know(bool gone, bool hung) BLKBACK_EXCLUDES(lock_);

  // Is the device's disk the disk `major`:`minor`, or a partition of it?  Context: any.
  [[nodiscard]] bool has_disk(uint32_t major, uint32_t minor) BLKBACK_EXCLUDES(lock_);

  // Was a connected disk removed or resized, does it hang, or does it answer again after a
  // hang, without the work knowing?  Context: any.
  [[nodiscard]] bool has_news(uint64_t now_ms) BLKBACK_EXCLUDES(lock_);

  // See driver_inspection.h.
  [[nodiscard]] bool inspect(driver_connection_info& info) BLKBACK_EXCLUDES(lock_);
  [[nodiscard]] bool inspect_ring(uint32_t ring, driver_ring_info& info,
                                  std::span<driver_request_info> requests) BLKBACK_EXCLUDES(lock_);
  [[nodiscard]] bool kick(uint32_t ring) BLKBACK_EXCLUDES(lock_);

  // A disk hangs when it has requests and has completed none for this long.
  static constexpr uint64_t kHungMs = 30000;

 private:
  SpinLock lock_{HOST_LOCK_STATISTICS};
  const Vbd* vbd_ BLKBACK_GUARDED_BY(lock_) = nullptr;
  const Connection* connection_ BLKBACK_GUARDED_BY(lock_) = nullptr;
  bool gone_ BLKBACK_GUARDED_BY(lock_) = false;
  bool hung_ BLKBACK_GUARDED_BY(lock_) = false;
};

}  // namespace blkback
