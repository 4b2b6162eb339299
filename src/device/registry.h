// SPDX-License-Identifier: GPL-2.0
// All devices of the module, including removed devices that still drain.
#pragma once

#include <cstdint>
#include <optional>

#include "base/intrusive_list.h"
#include "base/lock.h"
#include "base/owned.h"
#include "queue/wishes.h"

namespace blkback {

class Device;
struct GuestAccount;

class Registry {
 public:
  // The only registry of the module.  Call create() before get().
  static void create();
  static Registry& get();

  // The account of a guest, for one more device: that of the other devices of the domain, or
  // `fresh`, which is empty then.  leave() ends the use.
  [[nodiscard]] GuestAccount& join(Owned<GuestAccount>& fresh) BLKBACK_EXCLUDES(lock_);
  void leave(GuestAccount& account) BLKBACK_EXCLUDES(lock_);

  void add(Device& device) BLKBACK_EXCLUDES(lock_);

  // Sets the value of the toolstack's node of the guest's cap (nullopt: none), in KiB.  The
  // guest's cap is the smallest value that is not 0 of its devices' nodes.  When all values
  // are 0 there is no cap, and without a node the parameter holds.
  void set_cap_node(Device& device, std::optional<uint32_t> kib) BLKBACK_EXCLUDES(lock_);
  // The guest is at its cap and lacks memory: asks all its devices to give back a part of
  // their idle memory, at most once in kGuestReliefIntervalMs.
  void relieve_guest(GuestAccount& account) BLKBACK_EXCLUDES(lock_);
  // Makes the rings of the guest's devices look at the account.
  void wake_guest(const GuestAccount& account) BLKBACK_EXCLUDES(lock_);

  // Removes the device and makes sure that its work is not scheduled any more.  Schedules the
  // devices that wait for this one to be gone.
  // Context: the device's own work.
  void remove(Device& device) BLKBACK_EXCLUDES(lock_);

  // Sets the device's flag for removal, then schedules its work.  The device is not destroyed
  // before this has returned.
  void request_removal(Device& device) BLKBACK_EXCLUDES(lock_);

  // Does an older device for the same xenbus device still drain?
  [[nodiscard]] bool has_predecessor(const Device& device) BLKBACK_EXCLUDES(lock_);

  // `device` lacks resources that others may have: asks all devices to give back a part of
  // their idle resources.  One guest must not cost the others their persistent grants all the
  // time, so this does something at most once in kReliefIntervalMs.
  void relieve(const Device& device, Scarce wanted) BLKBACK_EXCLUDES(lock_);

  void parameters_changed() BLKBACK_EXCLUDES(lock_);
  void disks_changed() BLKBACK_EXCLUDES(lock_);
  // Schedules only devices with that disk, or with a partition of it.
  void disk_changed(uint32_t major, uint32_t minor) BLKBACK_EXCLUDES(lock_);

  // Count the connections of all devices.  connected() also starts the survey.
  // Context: the work of the device that has made or lost a connection.
  void connected() BLKBACK_EXCLUDES(lock_);
  void disconnected() BLKBACK_EXCLUDES(lock_);

  // See driver_survey().
  [[nodiscard]] bool survey() BLKBACK_EXCLUDES(lock_);

  static constexpr uint64_t kReliefIntervalMs = 1000;
  static constexpr uint64_t kGuestReliefIntervalMs = 250;

 private:
  void set_cap_locked(GuestAccount& account) BLKBACK_REQUIRES(lock_);

  SpinLock lock_{HOST_LOCK_REGISTRY};
  IntrusiveList<Device> devices_ BLKBACK_GUARDED_BY(lock_);
  IntrusiveList<GuestAccount> accounts_ BLKBACK_GUARDED_BY(lock_);
  uint64_t relieved_ms_ BLKBACK_GUARDED_BY(lock_) = 0;
  uint32_t connections_ BLKBACK_GUARDED_BY(lock_) = 0;
  uint64_t surveyed_ms_ BLKBACK_GUARDED_BY(lock_) = 0;

  // Several CPUs call survey(), each about once a second: calls that come sooner do nothing.
  static constexpr uint64_t kSurveyIntervalMs = 500;
};

}  // namespace blkback
