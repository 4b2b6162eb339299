// SPDX-License-Identifier: GPL-2.0
#include "fake_host/lock_order.h"

#include <algorithm>
#include <utility>

#include "fake_host/fake_host.h"

namespace fake {

namespace {

const char* name(Lock lock) {
  switch (lock) {
    case Lock::kWatchMutex:
      return "xenwatch_mutex";
    case Lock::kDeviceLock:
      return "the device's lock";
    case Lock::kGate:
      return "the gate";
    case Lock::kSysfs:
      return "a reader of sysfs";
    case Lock::kDeviceWork:
      return "a device's work";
    case Lock::kPurgeWork:
      return "a purge";
    case Lock::kThread:
      return "a queue's thread";
    case Lock::kDisk:
      break;
  }
  return "a disk";
}

}  // namespace

LockOrder::LockOrder() {
  after(Lock::kWatchMutex) = bit(Lock::kDeviceLock);
  after(Lock::kDisk) = bit(Lock::kWatchMutex);
}

LockOrder::Set LockOrder::all_after(Lock lock) const {
  Set all = after_[static_cast<size_t>(lock)];
  for (size_t round = 0; round < kLocks; ++round) {
    for (size_t i = 0; i < kLocks; ++i) {
      if ((all & (1u << i)) != 0) all |= after_[i];
    }
  }
  return all;
}

bool LockOrder::take(Lock lock) {
  if (std::find(held_.begin(), held_.end(), lock) != held_.end()) {
    Host::broken(std::string("deadlock: ") + name(lock) + " is waited for by who has it");
    return false;
  }
  for (const Lock other : held_) {
    if ((after(other) & bit(lock)) != 0) continue;
    if ((all_after(lock) & bit(other)) != 0) {
      Host::broken(std::string("order of locks: ") + name(lock) + " is waited for under " +
                   name(other) + ", which may wait for it");
    }
    after(other) |= bit(lock);
  }
  held_.push_back(lock);
  return true;
}

void LockOrder::release(Lock lock) {
  const auto place = std::find(held_.begin(), held_.end(), lock);
  if (place != held_.end()) held_.erase(place);
}

bool LockOrder::wait_for(Lock lock) {
  if (!take(lock)) return false;
  release(lock);
  return true;
}

std::vector<Lock> LockOrder::set_aside() { return std::exchange(held_, {}); }
void LockOrder::resume(std::vector<Lock>&& held) { held_ = std::move(held); }

}  // namespace fake
