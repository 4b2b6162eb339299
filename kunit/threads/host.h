// SPDX-License-Identifier: GPL-2.0
// The host for cases with real threads.
//
// It replaces src/linux, as kunit/fake_host does, but its threads, its work queue,
// its disk and its interrupts run concurrently.  The cases are built with
// ThreadSanitizer.
//
// This host must not order accesses that the core has to order: ThreadSanitizer
// would miss the core's races.  Counters are therefore relaxed atomics, each thread
// that submits I/O has a disk lane with a lock of its own, and memory, pages and
// grants are handed out without a lock.
//
// BEWARE: the host's time runs kSpeed times faster than real time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "driver.h"
#include "host/block.h"
#include "host/event.h"
#include "host/grant.h"
#include "host/page.h"
#include "host/parameter.h"
#include "host/store.h"
#include "host/thread.h"

struct host_page {
  host_page* next = nullptr;
  uint8_t* mapped = nullptr;  // the guest's memory
  uint32_t gref = 0;
  // How many more calls of host_page_busy() return true.
  std::atomic<uint32_t> busy{0};
  // Owned by the core; linked into a chain.  Accessed relaxed: the checks must not
  // order the core's accesses.
  std::atomic<bool> handed_out{false};
  std::atomic<bool> in_chain{false};
};

// A queue's thread.  A case may also create one and sleep in it.
struct host_thread {
  driver_queue* queue = nullptr;
  std::atomic<bool> woken{false};
  std::atomic<bool> stopped{false};
  std::mutex lock;
  std::condition_variable news;
  std::thread task;

  // Makes this the calling thread's host_thread: a wake-up by the caller then does
  // nothing, and the caller may clear the wake-ups.
  void become();
  // Sleeps until the thread is woken or stopped.  Returns false when that did not
  // happen within `ms` host milliseconds.
  bool sleep(uint32_t ms);
};

struct host_device {
  std::string name = "backend/vbd/7/51712";
  uint64_t key = 7;
  uint16_t domid = 7;
  driver_device* driver = nullptr;

  std::mutex lock;  // guards the members from here to `errors`
  std::condition_variable news;
  uint32_t state = HOST_XENBUS_INITIALISING;
  bool released = false;
  std::map<std::string, std::string> backend;
  std::map<std::string, std::string> frontend;
  uint32_t errors = 0;

  std::mutex device_lock;  // the lock in the kernel's struct device
};

namespace threads {

inline constexpr uint32_t kSpeed = 50;
inline constexpr uint32_t kGrants = 16384;
inline constexpr uint32_t kPorts = 64;
// How long a case waits for an event that must come.
inline constexpr std::chrono::seconds kPatience{20};

struct Grant {
  uint8_t* memory = nullptr;
  std::atomic<uint32_t> mappings{0};
};

// An event channel's port with both ends.
struct Port {
  std::mutex lock;
  driver_queue* queue = nullptr;  // the backend's queue; nullptr: not bound
  bool masked = false;
  bool pending = false;
  std::mutex guest_lock;
  std::condition_variable guest_news;
  bool guest_notified = false;
};

// Called with each I/O when it is submitted, or when it ends.
using Watcher = std::function<void(const host_io& io)>;

class Host {
 public:
  Host();
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // --- set before the threads start -------------------------------------------
  std::vector<uint8_t> disk;
  uint32_t io_microseconds = 50;  // upper bound of the random delay of an I/O
  Watcher submitted;
  Watcher ended;
  std::function<void()> disk_closed;  // called when a disk is closed
  // Called instead of driver_io_done(), for I/Os that a case submits itself.
  std::function<void(host_io& io)> at_io_done;
  // On average one in this many pages (0: none) is made busy when a grant is mapped
  // in it: the next two calls of host_page_busy() return true.
  uint32_t busy_every = 0;
  host_disk_geometry geometry{};

  // --- at any time -------------------------------------------------------------
  Grant grants[kGrants];  // each written before its gref is published
  std::atomic<uint32_t> next_gref{8};
  std::atomic<uint32_t> max_buffer_pages{1024};
  std::atomic<uint32_t> grant_copy_bytes{16384};
  std::atomic<uint32_t> max_persistent_grants{1056};
  std::atomic<uint32_t> max_guest_memory_kb{0};
  std::atomic<uint32_t> log_stats{0};
  std::atomic<uint64_t> sectors{2048};
  std::atomic<int32_t> io_error{0};
  std::atomic<int64_t> handles_left{INT64_MAX / 2};  // for mappings
  // On average one in this many calls fails; 0: none.  tries_fail is for host_page_alloc()
  // and host_*try_alloc(), set_ups_fail for the other calls that can fail.
  std::atomic<uint32_t> tries_fail{0};
  std::atomic<uint32_t> set_ups_fail{0};
  std::atomic<uint64_t> failures{0};
  [[nodiscard]] bool fails(const std::atomic<uint32_t>& one_in);
  Port ports[kPorts];
  void event(uint32_t port);  // the frontend sends an event
  std::mutex watch_mutex;     // xenwatch_mutex

  // --- accounts ------------------------------------------------------------------
  std::atomic<int64_t> memory{0};
  std::atomic<int64_t> pages_out{0};
  std::atomic<int64_t> mapped{0};
  std::atomic<int64_t> rings{0};
  std::atomic<int64_t> disks{0};
  std::atomic<int64_t> scratches{0};
  std::atomic<int64_t> channels{0};
  std::atomic<int64_t> tasks{0};
  [[nodiscard]] std::string leaks() const;

  // Reports a broken contract: the case fails.  While a case makes mistakes on purpose
  // it sets `complaints`, and the report is only counted there.
  static void broken(const std::string& what);
  std::atomic<uint32_t>* complaints = nullptr;
  // Reports a call of `function`, which may sleep, under a spinlock or in an interrupt.
  static void may_sleep(const char* function);

  // Waits until no work is scheduled or running; false after kPatience.
  [[nodiscard]] bool works_rest();

 private:
  friend struct Works;
  struct WorkState {
    bool scheduled = false;
    bool running = false;
    uint32_t cancelling = 0;
    std::chrono::steady_clock::time_point due;
  };
  void work_main();

 public:
  // The work queue.  Public for the host_work_*() functions.
  std::mutex works_lock;
  std::condition_variable works_news;
  std::map<host_work*, WorkState> works;

 private:
  bool works_stop_ = false;
  std::vector<std::thread> workers_;
};

Host& host();
void renew_host();
void end_host();

// Puts the calling thread in interrupt context for a scope.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
};
[[nodiscard]] bool in_interrupt();
extern thread_local uint32_t spinlocks_held;

// A lock that xenbus holds around its calls: xenwatch_mutex in each call-back of a
// watch, the device's lock in probe and remove, and both when the watch thread probes
// or removes because a directory came or went.  ThreadSanitizer checks their order
// against all other locks.  The host reports a caller that holds one and calls a
// function that may wait for a disk, a thread, a work or the device's lock.
class XenbusLock {
 public:
  explicit XenbusLock(std::mutex& lock);
  ~XenbusLock();
  XenbusLock(const XenbusLock&) = delete;
  XenbusLock& operator=(const XenbusLock&) = delete;

  [[nodiscard]] static bool held();

 private:
  std::mutex& lock_;
};

// A random number from 0 to `bound` - 1.  Each thread has a generator of its own, so
// that no synchronisation is needed.
[[nodiscard]] uint32_t random_below(uint32_t bound);

// The real time that `ms` milliseconds of the host take.
[[nodiscard]] std::chrono::microseconds real_time(uint64_t ms);

}  // namespace threads
