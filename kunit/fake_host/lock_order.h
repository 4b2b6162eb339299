// SPDX-License-Identifier: GPL-2.0
// Checks the order of the kernel side's sleeping locks and of everything else that a context may
// wait for.
//
// As in the kernel's lockdep, a work and a queue's thread count as locks, which they hold while
// they run.  To cancel the work or to stop the thread is to take its lock.  A lock that is taken
// while another is held comes after it in the order.  A cycle is a deadlock even if no context has
// blocked yet: it is reported when it closes.
//
// Two rules are known from the start.  The watch thread takes a device's lock to unregister the
// device.  Nobody waits for a disk under xenwatch_mutex or a device's lock: the disk may hang, or
// it may be a xenbus frontend's disk, which needs the watch thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace fake {

enum class Lock : uint8_t {
  kWatchMutex,  // xenwatch_mutex: held in each callback of a watch
  kDeviceLock,  // of a struct device: held in probe and remove
  kGate,        // taken to access xenstore and sysfs; the removal closes it
  kSysfs,       // held by a reader of the device's files; their removal waits for it
  kDeviceWork,
  kPurgeWork,
  kThread,  // held by a queue's thread during a pass
  kDisk,    // never held: to take it is to wait for a disk
};

class LockOrder {
 public:
  LockOrder();

  // Returns false, and reports a deadlock, if the context holds the lock already.
  bool take(Lock lock);
  void release(Lock lock);
  // Takes the lock and releases it: the context waits until nobody holds it.
  bool wait_for(Lock lock);

  // Another context, which holds no locks, runs between set_aside() and resume().
  [[nodiscard]] std::vector<Lock> set_aside();
  void resume(std::vector<Lock>&& held);

 private:
  static constexpr size_t kLocks = 8;
  using Set = uint32_t;

  [[nodiscard]] static Set bit(Lock lock) { return 1u << static_cast<uint32_t>(lock); }
  [[nodiscard]] Set& after(Lock lock) { return after_[static_cast<size_t>(lock)]; }
  // All locks that come after `lock`, directly or through others.
  [[nodiscard]] Set all_after(Lock lock) const;

  std::vector<Lock> held_;  // by the running context
  std::array<Set, kLocks> after_{};
};

}  // namespace fake
