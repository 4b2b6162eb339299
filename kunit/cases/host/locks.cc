// SPDX-License-Identifier: GPL-2.0
// The fake host notices a context that would wait for ever: for itself, or in a cycle of waits of
// the watch thread, an unbind, a work, a thread and a disk.
#include "host/lock.h"
#include "host/memory.h"
#include "support/complaints.h"
#include "support/expectations.h"
#include "support/held_rings.h"

namespace {

using fake::Context;
using fake::Holding;
using fake::host;
using fake::Lock;
using kunit::ask;
using kunit::DeviceFixture;
using kunit::Complaints;

TEST(HostLocks, AWorkThatCancelsItselfIsNoticed) {
  DeviceFixture bench;
  ASSERT_EQ(bench.probe(), 0);
  uint32_t cancels = 0;
  bench.device().at_state = [&cancels](uint32_t) {
    host_work_cancel(const_cast<host_work*>(host().running_work));
    ++cancels;
  };
  const Complaints complaints;
  bench.state(HOST_XENBUS_CLOSING);
  bench.device().at_state = nullptr;
  EXPECT_EQ(cancels, 1u);
  EXPECT_TRUE(complaints.only("deadlock: a device's work is waited for by who has it"));
}

TEST(HostLocks, AThreadThatStopsItselfIsNoticed) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().at_copy = [](const void*, size_t) {
    host_thread_stop(const_cast<host_thread*>(host().running));
  };
  const Complaints complaints;
  bench.guest().send(ask(BLKIF_OP_READ, 1, 0, {{bench.guest().grant()}}));
  host().run();
  host().at_copy = nullptr;
  EXPECT_TRUE(complaints.only("deadlock: a queue's thread is waited for by who has it"));
  // The thread goes on here; a real thread that waits for itself would not.
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
}

// A stop from another CPU is no deadlock, but the fake host cannot play it: it has one thread.
TEST(HostLocks, AStopInTheMiddleOfAPassIsNotPlayed) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  host().interruption = [] { host_thread_stop(const_cast<host_thread*>(host().running)); };
  host().interrupt_at = 5;
  const Complaints complaints;
  bench.guest().send(ask(BLKIF_OP_READ, 1, 0, {{bench.guest().grant()}}));
  host().run();
  EXPECT_TRUE(complaints.only("a thread is stopped in its pass"));
  EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
}

TEST(HostLocks, ACallBackOfAWatchThatWaitsForADiskIsNoticed) {
  host_disk* disk = nullptr;
  {
    const Holding watch(Lock::kWatchMutex);
    const Complaints complaints;
    EXPECT_EQ(host_disk_open(0xfe, 0x10, 0, &disk), 0);
    EXPECT_TRUE(complaints.only("order of locks: a disk is waited for under xenwatch_mutex"));
  }
  host_disk_close(disk);
}

TEST(HostLocks, AnUnbindThatWaitsForADiskIsNoticed) {
  host_disk* disk = nullptr;
  ASSERT_EQ(host_disk_open(0xfe, 0x10, 0, &disk), 0);
  const Holding lock(Lock::kDeviceLock);
  const Complaints complaints;
  host_disk_close(disk);
  EXPECT_TRUE(complaints.only("order of locks: a disk is waited for under the device's lock"));
}

TEST(HostLocks, ADeviceThatIsReleasedInItsRemovalIsNoticed) {
  host_device device{};
  const Holding lock(Lock::kDeviceLock);
  const Complaints complaints;
  host_device_release(&device);
  EXPECT_TRUE(complaints.only("deadlock: the device's lock is waited for by who has it"));
}

// The work takes the device's lock to release the device, and an unbind holds that lock.
TEST(HostLocks, AnUnbindThatWaitsForTheWorkIsNoticed) {
  {
    DeviceFixture bench;
    ASSERT_TRUE(bench.connect());
  }
  host_work work{};
  host_work_init(&work, DRIVER_WORK_DEVICE);
  host_work_cancel(&work);
  const Holding lock(Lock::kDeviceLock);
  const Complaints complaints;
  host_work_cancel(&work);
  EXPECT_TRUE(
      complaints.only("order of locks: a device's work is waited for under the device's lock"));
}

// A thread may wait for a disk, and a disk may need the watch thread.
TEST(HostLocks, ACallBackThatWaitsForAThreadThatWaitsForADiskIsNoticed) {
  DeviceFixture bench;
  ASSERT_TRUE(bench.connect());
  bench.guest().send(ask(BLKIF_OP_READ, 1, 0, {{bench.guest().grant()}}));
  host().run();
  host_thread* thread = nullptr;
  ASSERT_EQ(host_thread_start(nullptr, "another", &thread), 0);
  const Holding watch(Lock::kWatchMutex);
  const Complaints complaints;
  host_thread_stop(thread);
  EXPECT_TRUE(
      complaints.only("order of locks: a queue's thread is waited for under xenwatch_mutex"));
}

// The bench plays xenbus: it holds xenwatch_mutex and the device's lock during a probe.
TEST(HostLocks, AProbeHoldsWhatXenbusHolds) {
  DeviceFixture bench;
  host().at_reclaim = [] {
    host_disk* disk = nullptr;
    if (host_disk_open(0xfe, 0x20, 0, &disk) == 0) host_disk_close(disk);
  };
  const Complaints complaints;
  EXPECT_EQ(bench.probe(), 0);
  host().at_reclaim = nullptr;
  EXPECT_EQ(complaints.count("a disk is waited for under xenwatch_mutex"), 1u);
  EXPECT_EQ(complaints.count("a disk is waited for under the device's lock"), 1u);
  EXPECT_EQ(complaints.count(), 2u);
}

TEST(HostLocks, WhatAnotherContextHoldsIsNotHeld) {
  const Holding watch(Lock::kWatchMutex);
  const Context other;
  host_disk* disk = nullptr;
  ASSERT_EQ(host_disk_open(0xfe, 0x10, 0, &disk), 0);
  host_disk_close(disk);
}

TEST(HostLocks, SpinlocksInTheWrongOrderAreNoticed) {
  host_spinlock registry{};
  host_spinlock pool{};
  host_spinlock_init(&registry, HOST_LOCK_REGISTRY);
  host_spinlock_init(&pool, HOST_LOCK_POOL);
  unsigned long outer = host_spinlock_lock(&registry);
  unsigned long inner = host_spinlock_lock(&pool);
  host_spinlock_unlock(&pool, inner);
  host_spinlock_unlock(&registry, outer);
  const Complaints complaints;
  outer = host_spinlock_lock(&pool);
  inner = host_spinlock_lock(&registry);
  host_spinlock_unlock(&registry, inner);
  host_spinlock_unlock(&pool, outer);
  EXPECT_TRUE(complaints.only("spinlocks nest in the wrong order"));
}

TEST(HostLocks, ASpinlockMayGoBeforeAnInnerOneWhichStillCounts) {
  host_spinlock registry{};
  host_spinlock order{};
  host_spinlock pool{};
  host_spinlock_init(&registry, HOST_LOCK_REGISTRY);
  host_spinlock_init(&order, HOST_LOCK_ORDER);
  host_spinlock_init(&pool, HOST_LOCK_POOL);
  const unsigned long first = host_spinlock_lock(&registry);
  const unsigned long second = host_spinlock_lock(&pool);
  host_spinlock_unlock(&registry, first);
  const Complaints complaints;
  const unsigned long third = host_spinlock_lock(&order);
  host_spinlock_unlock(&order, third);
  EXPECT_TRUE(complaints.only("spinlocks nest in the wrong order"));
  host_spinlock_unlock(&pool, second);
  const unsigned long fourth = host_spinlock_lock(&order);
  host_spinlock_unlock(&order, fourth);
  EXPECT_EQ(complaints.count(), 1u);
}

TEST(HostLocks, WhatMaySleepIsNotForASpinlockNorAnInterrupt) {
  host_spinlock lock{};
  host_spinlock_init(&lock, HOST_LOCK_POOL);
  const unsigned long state = host_spinlock_lock(&lock);
  {
    const Complaints complaints;
    host_free(host_alloc(8), 8);
    EXPECT_TRUE(complaints.only("host_alloc under a spinlock"));
  }
  host_spinlock_unlock(&lock, state);
  ++host().interrupts;
  {
    const Complaints complaints;
    host_free(host_alloc(8), 8);
    EXPECT_TRUE(complaints.only("host_alloc where nothing may sleep"));
  }
  --host().interrupts;
}

}  // namespace
