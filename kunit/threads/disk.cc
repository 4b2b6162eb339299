// SPDX-License-Identifier: GPL-2.0
// The disk of the host with threads.  Each thread that submits I/O has a lane, a
// thread of the disk that ends the I/Os in random order.  One in eight I/Os, on
// average, ends within its submission instead; a discard never does.
//
// Lanes share only the disk's bytes, and access them without a lock: the submitter
// must ensure that no other I/O to the same bytes is in flight.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>

#include "threads/host.h"

using threads::Host;
using threads::host;

namespace {

class Lane {
 public:
  Lane() : task_([this] { run(); }) {}
  ~Lane() {
    {
      const std::lock_guard guard(lock_);
      stop_ = true;
    }
    news_.notify_one();
    task_.join();
  }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  void push(host_io* io) {
    {
      const std::lock_guard guard(lock_);
      waiting_.push_back(io);
    }
    news_.notify_one();
  }

  static void end(host_io* io);

 private:
  void run();

  std::mutex lock_;
  std::condition_variable news_;
  std::deque<host_io*> waiting_;
  bool stop_ = false;
  std::thread task_;
};

bool discards(const host_io& io) {
  return io.operation == HOST_IO_DISCARD || io.operation == HOST_IO_SECURE_DISCARD;
}

void transfer(const host_io& io) {
  uint8_t* at = host().disk.data() + io.sector * 512;
  if (discards(io)) {
    std::fill_n(at, io.sectors * 512, uint8_t{0});
    return;
  }
  for (uint32_t i = 0; i < io.segment_count; ++i) {
    const host_io_segment& segment = io.segments[i];
    if (segment.page->mapped == nullptr) return Host::broken("I/O to a page without a grant");
    uint8_t* memory = segment.page->mapped + segment.offset;
    if (io.operation == HOST_IO_READ) {
      std::memcpy(memory, at, segment.bytes);
    } else {
      std::memcpy(at, memory, segment.bytes);
    }
    at += segment.bytes;
  }
}

void Lane::end(host_io* io) {
  const threads::Interrupt interrupt;
  int32_t error = host().io_error.load(std::memory_order_relaxed);
  // The disk has shrunk since the driver read its size.
  if (io->sector + io->sectors > host_disk_sectors(io->disk)) error = -EIO;
  if (error == 0) transfer(*io);
  io->error = error;
  if (host().ended) host().ended(*io);
  if (host().at_io_done) {
    host().at_io_done(*io);
  } else {
    driver_io_done(io);
  }
}

void Lane::run() {
  std::unique_lock guard(lock_);
  for (;;) {
    news_.wait(guard, [this] { return stop_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const auto chosen =
        waiting_.begin() + threads::random_below(static_cast<uint32_t>(waiting_.size()));
    host_io* io = *chosen;
    waiting_.erase(chosen);
    guard.unlock();
    const uint32_t most = host().io_microseconds;
    if (most != 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(threads::random_below(most)));
    }
    end(io);
    guard.lock();
  }
}

// Reports a call of `function` under a lock of xenbus: the watch thread and an unbind
// must not wait for a disk.
void may_wait_for_disk(const char* function) {
  Host::may_sleep(function);
  if (threads::XenbusLock::held()) {
    Host::broken(std::string(function) + " under a lock of xenbus");
  }
}

}  // namespace

extern "C" {

int host_disk_open(uint32_t, uint32_t, uint8_t, host_disk** disk) {
  may_wait_for_disk("host_disk_open");
  if (host().fails(host().set_ups_fail)) return -EIO;
  host().disks.fetch_add(1, std::memory_order_relaxed);
  *disk = reinterpret_cast<host_disk*>(&host());
  return 0;
}

void host_disk_close(host_disk*) {
  may_wait_for_disk("host_disk_close");
  if (host().disk_closed) host().disk_closed();
  host().disks.fetch_sub(1, std::memory_order_relaxed);
}

void host_disk_describe(const host_disk*, host_disk_geometry* geometry) {
  *geometry = host().geometry;
}

uint64_t host_disk_sectors(const host_disk*) {
  return host().sectors.load(std::memory_order_relaxed);
}
bool host_disk_is(const host_disk*, uint32_t, uint32_t) { return threads::random_below(2) == 0; }
int host_disk_charge(host_disk*, const char*) { return 0; }

uint64_t host_disk_sequence(const host_disk*) { return 1; }

bool host_disk_gone(const host_disk*) { return false; }
int host_disk_sync(host_disk*) {
  may_wait_for_disk("host_disk_sync");
  return host().fails(host().set_ups_fail) ? -EIO : 0;
}

void host_disk_submit(host_io* const* ios, uint32_t count) {
  Host::may_sleep("host_disk_submit");
  // Destroyed at the end of the thread, after all its I/O has ended.
  thread_local Lane lane;
  for (uint32_t i = 0; i < count; ++i) {
    host_io* io = ios[i];
    if (host().submitted) host().submitted(*io);
    if (!discards(*io) && threads::random_below(8) == 0) {
      Lane::end(io);
    } else {
      lane.push(io);
    }
  }
}

}  // extern "C"
