// SPDX-License-Identifier: GPL-2.0
// The host for cases with real threads.
//
// It stands in for src/linux as kunit/fake_host does, but its threads, its
// work queue, its disk and its interrupts run at the same time; the cases are
// built with ThreadSanitizer.  What the core must order itself it is not
// ordered for by this host: counters are relaxed atomics, every ring's disk has
// a lock of its own, and memory, pages and grants are handed out without a lock
// that ThreadSanitizer could take for the order of the core's accesses.
//
// BEWARE: time passes kSpeed times faster than on a clock.
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
  // How often the storage stack is asked for it before it lets go of it.
  std::atomic<uint32_t> busy{0};
  // Owned by the core, and not in a chain: checked without ordering anything.
  std::atomic<bool> handed_out{false};
  std::atomic<bool> in_chain{false};
};

// A queue's thread; a case may also sleep in one of its own.
struct host_thread {
  driver_queue* queue = nullptr;
  std::atomic<bool> woken{false};
  std::atomic<bool> stopped{false};
  std::mutex lock;
  std::condition_variable news;
  std::thread task;

  // Makes the calling thread this one, as far as wake-ups are concerned.
  void become();
  // Sleeps until it is woken or stopped, or until the host's milliseconds have
  // passed; false when they have.
  bool sleep(uint32_t ms);
};

struct host_device {
  std::string name = "backend/vbd/7/51712";
  uint64_t identity = 7;
  uint16_t domid = 7;
  driver_device* driver = nullptr;

  std::mutex lock;  // of all that follows
  std::condition_variable news;
  uint32_t state = HOST_XENBUS_INITIALISING;
  bool released = false;
  std::map<std::string, std::string> backend;
  std::map<std::string, std::string> frontend;
  uint32_t errors = 0;

  std::mutex device_lock;  // of struct device
};

namespace threads {

inline constexpr uint32_t kSpeed = 50;
inline constexpr uint32_t kGrants = 16384;
inline constexpr uint32_t kPorts = 64;
// How long a case waits for what must come.
inline constexpr std::chrono::seconds kPatience{20};

struct Grant {
  uint8_t* memory = nullptr;
  std::atomic<uint32_t> mappings{0};
};

// An event channel's port, and both its ends.
struct Port {
  std::mutex lock;
  driver_queue* queue = nullptr;  // the backend's end, when it is bound
  bool masked = false;
  bool pending = false;
  std::mutex guest_lock;
  std::condition_variable guest_news;
  bool guest_notified = false;
};

// What a disk sees of an I/O when it is submitted and when it ends.
using Watcher = std::function<void(const host_io& io)>;

class Host {
 public:
  Host();
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // --- set before the threads start -------------------------------------------
  std::vector<uint8_t> disk;
  uint32_t io_microseconds = 50;  // at most, of one I/O
  Watcher submitted;
  Watcher ended;
  // Instead of driver_io_done(), for I/Os that are not the core's.
  std::function<void(host_io& io)> at_io_done;
  // Every n-th page that is asked for is still with the storage stack.
  uint32_t busy_every = 0;
  host_disk_geometry geometry{};

  // --- at any time -------------------------------------------------------------
  Grant grants[kGrants];  // each filled before it is told to anybody
  std::atomic<uint32_t> next_gref{8};
  std::atomic<uint32_t> max_buffer_pages{1024};
  std::atomic<uint32_t> max_persistent_grants{1056};
  std::atomic<uint32_t> log_stats{0};
  std::atomic<uint64_t> sectors{2048};
  std::atomic<int32_t> io_error{0};
  std::atomic<int64_t> handles_left{INT64_MAX / 2};  // for mappings
  // One in so many calls fails, 0: none: of those whose caller can do without, and
  // of those by which something is set up.
  std::atomic<uint32_t> tries_fail{0};
  std::atomic<uint32_t> set_ups_fail{0};
  std::atomic<uint64_t> failures{0};
  [[nodiscard]] bool fails(const std::atomic<uint32_t>& one_in);
  Port ports[kPorts];
  void event(uint32_t port);  // from the frontend
  std::mutex watch_mutex;     // of the watch thread

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

  // Reported, unless a case makes the mistake on purpose and counts complaints.
  static void broken(const std::string& what);
  std::atomic<uint32_t>* complaints = nullptr;
  // Calls that may sleep come neither under a spinlock nor in an interrupt.
  static void may_sleep(const char* function);

  // Waits until no work is scheduled or running.
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
  // The work queue; for the host's own functions.
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

// The calling thread is an interrupt, or a part of the host, for a scope.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
};
[[nodiscard]] bool in_interrupt();
extern thread_local uint32_t spinlocks_held;

// What xenbus holds around its calls: in each call-back of a watch the mutex of the
// watch thread, in probe and remove the device's lock, and where a directory that
// came or went is the reason, both.  ThreadSanitizer orders them with all other
// locks; who would wait for a lock of its own is reported.
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

// Random numbers of the calling thread, of which no other knows.
[[nodiscard]] uint32_t random_below(uint32_t bound);

// The host's milliseconds as a span of the clock.
[[nodiscard]] std::chrono::microseconds real_time(uint64_t ms);

}  // namespace threads
