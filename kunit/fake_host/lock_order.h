// SPDX-License-Identifier: GPL-2.0
// Who waits for whom: the sleeping locks of the kernel side, and all else that a
// context may wait for, in one order.
//
// As in the kernel's lockdep a work and a queue's thread count as locks that they
// hold while they run: who cancels the one or stops the other takes it.  What is
// taken while something is held comes after it; a circle is a deadlock, although
// nobody has met it yet, and is reported when it closes.
//
// From the start it is known that the watch thread takes a device's lock to
// unregister it; and that a disk comes after nothing the watch thread or an unbind
// holds: it may hang, or be a frontend's that needs that thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace fake {

enum class Lock : uint8_t {
  kWatchMutex,  // xenwatch_mutex: in each call-back of a watch
  kDeviceLock,  // of a struct device: in probe and remove
  kGate,        // to xenstore and sysfs; shut by the removal
  kSysfs,       // a reader of the device's files, for whom their removal waits
  kDeviceWork,
  kPurgeWork,
  kThread,  // a queue's, in its pass
  kDisk,    // nobody holds it: who takes it waits for a disk
};

class LockOrder {
 public:
  LockOrder();

  // False, and reported, when the context has it already: it would wait for ever.
  bool take(Lock lock);
  void release(Lock lock);
  // Waits until nobody has it.
  bool wait_for(Lock lock);

  // Another context runs, which has nothing of what this one holds.
  [[nodiscard]] std::vector<Lock> set_aside();
  void resume(std::vector<Lock>&& held);

 private:
  static constexpr size_t kLocks = 8;
  using Set = uint32_t;

  [[nodiscard]] static Set bit(Lock lock) { return 1u << static_cast<uint32_t>(lock); }
  [[nodiscard]] Set& after(Lock lock) { return after_[static_cast<size_t>(lock)]; }
  // All that was taken while `lock` was held, and so on.
  [[nodiscard]] Set all_after(Lock lock) const;

  std::vector<Lock> held_;  // by the context that runs
  std::array<Set, kLocks> after_{};
};

}  // namespace fake
