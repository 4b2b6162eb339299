// SPDX-License-Identifier: GPL-2.0
// All devices of the module, those that drain after their removal included.
#pragma once

#include <cstdint>

#include "base/intrusive_list.h"
#include "base/lock.h"
#include "queue/wishes.h"

namespace blkback {

class Device;

class Registry {
 public:
  // The one of the module; create() comes first.
  static void create();
  static Registry& get();

  void add(Device& device) BLKBACK_EXCLUDES(lock_);

  // Takes the device out and makes sure that its work is not scheduled any
  // more; wakes those that wait for it to be gone.
  // Context: the device's own work.
  void remove(Device& device) BLKBACK_EXCLUDES(lock_);

  // Schedules the device's work after its flag for removal is set; until this
  // has returned the device is not destroyed.
  void request_removal(Device& device) BLKBACK_EXCLUDES(lock_);

  // Does another device for the same xenbus device still drain?
  [[nodiscard]] bool has_predecessor(const Device& device) BLKBACK_EXCLUDES(lock_);

  // A device lacks what others may have: all give back a part of what they
  // keep for later.  One guest must not cost the others their persistent grants
  // all the time, so this does something at most once in kReliefIntervalMs.
  void relieve(const Device& device, Scarce wanted) BLKBACK_EXCLUDES(lock_);

  void parameters_changed() BLKBACK_EXCLUDES(lock_);
  void disks_changed() BLKBACK_EXCLUDES(lock_);
  // Only those with that disk, or with a partition of it.
  void disk_changed(uint32_t major, uint32_t minor) BLKBACK_EXCLUDES(lock_);

  // A device has a connection now, or none any more.
  // Context: the device's own work.
  void connected() BLKBACK_EXCLUDES(lock_);
  void disconnected() BLKBACK_EXCLUDES(lock_);

  // See driver_survey().
  [[nodiscard]] bool survey() BLKBACK_EXCLUDES(lock_);

  static constexpr uint64_t kReliefIntervalMs = 1000;

 private:
  SpinLock lock_{HOST_LOCK_REGISTRY};
  IntrusiveList<Device> devices_ BLKBACK_GUARDED_BY(lock_);
  uint64_t relieved_ms_ BLKBACK_GUARDED_BY(lock_) = 0;
  uint32_t connections_ BLKBACK_GUARDED_BY(lock_) = 0;
  uint64_t surveyed_ms_ BLKBACK_GUARDED_BY(lock_) = 0;

  // Several CPUs ask for it, each about once a second.
  static constexpr uint64_t kSurveyIntervalMs = 500;
};

}  // namespace blkback
