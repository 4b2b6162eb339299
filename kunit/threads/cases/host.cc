// SPDX-License-Identifier: GPL-2.0
// Mistakes on purpose that the host with threads must report: a thread that waits for
// itself, and a caller that holds a lock of xenbus and waits for a disk, or for a work
// or a device that may wait for one.
#include <gtest/gtest.h>

#include "host/memory.h"
#include "threads/frontend.h"

namespace {

using threads::host;
using threads::XenbusLock;

// Counts the host's complaints in a scope; they do not fail the case.
class Complaints {
 public:
  Complaints() { host().complaints = &count_; }
  ~Complaints() { host().complaints = nullptr; }
  Complaints(const Complaints&) = delete;
  Complaints& operator=(const Complaints&) = delete;

  [[nodiscard]] uint32_t count() const { return count_; }

 private:
  std::atomic<uint32_t> count_{0};
};

TEST(ThreadsHost, AThreadThatStopsItselfIsNoticed) {
  const Complaints complaints;
  host_thread thread;
  threads::together({[&thread] {
    thread.become();
    host_thread_stop(&thread);
  }});
  EXPECT_EQ(complaints.count(), 1u);
}

TEST(ThreadsHost, WhoWaitsUnderALockOfXenbusIsNoticed) {
  host_disk* disk = nullptr;
  ASSERT_EQ(host_disk_open(1, 2, 0, &disk), 0);
  host_work work{};
  host_work_init(&work, DRIVER_WORK_DEVICE);
  host_device device;
  const XenbusLock lock(device.device_lock);
  const Complaints complaints;
  EXPECT_EQ(host_disk_sync(disk), 0);
  EXPECT_EQ(complaints.count(), 1u);
  host_disk_close(disk);
  EXPECT_EQ(complaints.count(), 2u);
  host_work_cancel(&work);
  EXPECT_EQ(complaints.count(), 3u);
  host_device_release(&device);
  EXPECT_EQ(complaints.count(), 4u);
}

// The watch thread waits for a running call-back; an administrator does not.
TEST(ThreadsHost, TheWatchThreadBindsAndUnbindsBetweenItsCallBacks) {
  using threads::By;
  threads::Device device(1);
  std::atomic<bool> over{false};
  const auto expect_wait = [&over](const std::function<void()>& call) {
    std::unique_lock watch(host().watch_mutex);
    over = false;
    std::thread caller([&] {
      call();
      over = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_FALSE(over);
    watch.unlock();
    caller.join();
  };
  const auto expect_none = [](const std::function<void()>& call) {
    const std::lock_guard watch(host().watch_mutex);
    threads::together({call});
  };
  expect_wait([&device] { EXPECT_TRUE(device.probe(By::kWatchThread)); });
  expect_wait([&device] { device.state_changed(); });
  expect_wait([&device] { device.physical_device_changed(); });
  expect_wait([&device] { device.remove(By::kWatchThread); });
  EXPECT_TRUE(device.wait_release());
  threads::Device other(1);
  expect_none([&other] { EXPECT_TRUE(other.probe(By::kAdministrator)); });
  expect_none([&other] { other.remove(By::kAdministrator); });
  EXPECT_TRUE(other.wait_release());
}

// As in the kernel, where a separate thread submits discards.
TEST(ThreadsHost, ADiscardEndsInNoSubmission) {
  constexpr uint32_t kDiscards = 200;
  std::atomic<uint32_t> ended{0};
  std::atomic<uint32_t> ended_within{0};
  std::atomic<std::thread::id> submitter;
  host().io_microseconds = 0;
  host().at_io_done = [&](host_io&) {
    if (submitter == std::this_thread::get_id()) ++ended_within;
    ++ended;
  };
  std::vector<host_io> ios(kDiscards);
  threads::together({[&] {
    submitter = std::this_thread::get_id();
    for (uint32_t i = 0; i < kDiscards; ++i) {
      ios[i].operation = i % 2 == 0 ? HOST_IO_DISCARD : HOST_IO_SECURE_DISCARD;
      ios[i].sector = i;
      ios[i].sectors = 1;
      host_io* const one[] = {&ios[i]};
      host_disk_submit(one, 1);
    }
  }});
  EXPECT_EQ(ended, kDiscards);
  EXPECT_EQ(ended_within, 0u);
}

TEST(ThreadsHost, WhatFailsIsCounted) {
  host().tries_fail = 1;
  EXPECT_EQ(host_try_alloc(8), nullptr);
  EXPECT_EQ(host_buffer_try_alloc(), nullptr);
  host_page* page = nullptr;
  EXPECT_NE(host_page_alloc(&page, 1), 0);
  host().set_ups_fail = 1;
  EXPECT_EQ(host_alloc(8), nullptr);
  EXPECT_EQ(host_grant_scratch_alloc(1), nullptr);
  EXPECT_EQ(host().failures, 5u);
}

}  // namespace
