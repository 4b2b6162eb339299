// SPDX-License-Identifier: GPL-2.0
// The fake host: the core runs on it in tests, in user space and in a kernel.
//
// It replaces src/linux and implements every host_* function, deterministically and in one
// thread.  It counts everything that it hands out, reports every use that the contracts of the
// host interface (include/host) forbid, and fails calls on demand.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driver.h"
#include "fake_host/disk_cache.h"
#include "fake_host/flat_map.h"
#include "fake_host/flush_oracle.h"
#include "fake_host/lock_order.h"
#include "fake_host/traced.h"
#include "host/block.h"
#include "host/event.h"
#include "host/grant.h"
#include "host/log.h"
#include "host/page.h"
#include "host/parameter.h"
#include "host/store.h"
#include "host/thread.h"

struct host_page {
  host_page* next = nullptr;
  uint8_t* mapped = nullptr;  // the guest's memory
  bool read_only = false;
  bool handed_out = false;
  bool in_chain = false;
  bool busy = false;  // the storage stack holds a reference
  bool lost = false;  // the hypervisor refused to unmap it
  uint32_t gref = 0;
  uint16_t domid = 0;
  std::vector<uint8_t> own;  // memory of a buffer

  // The memory of the page: the buffer's or the mapped grant's; nullptr: it has none.
  [[nodiscard]] uint8_t* bytes() { return own.empty() ? mapped : own.data(); }
};

struct host_disk {
  uint32_t major;
  uint32_t minor;
  bool read_only;
  std::string charged{};                   // the cgroup; "": the submitting threads
  mutable host_disk_geometry described{};  // the last geometry that the driver was given
  mutable uint64_t most_sectors = 0;       // the largest size that the driver was given
};

struct host_event_channel {
  driver_queue* queue;
  uint32_t port;
  bool masked = false;
  bool pending = false;  // an event came while it was masked
};

struct host_thread {
  driver_queue* queue;
  uint32_t pid = 0;
  std::string name;
  bool woken = true;  // a fresh thread makes a first pass
  bool in_pass = false;
  bool timed = false;
  uint64_t due_ms = 0;
};

struct host_grant_scratch {
  uint32_t capacity;
};

struct host_device {
  std::string name;
  uint64_t key;
  uint16_t domid;
  uint32_t state = HOST_XENBUS_INITIALISING;
  bool shown = false;
  bool removed = false;   // its directory may belong to another device now
  uint32_t reads = 0;     // calls of host_store_read()
  uint32_t too_late = 0;  // calls that found the device removed
  bool released = false;
  fake::FlatMap<std::string, std::string> backend;
  fake::FlatMap<std::string, std::string> frontend;
  std::vector<uint32_t> states;            // every published state, in order
  std::function<void(uint32_t)> at_state;  // called before a state is published
  std::vector<uint64_t> resizes;           // sizes that a connected frontend was told
  std::vector<std::string> errors;
  driver_device* driver = nullptr;
};

namespace fake {

struct GuestPage {
  uint8_t* memory = nullptr;
  bool read_only = false;
  int16_t status = 0;  // GNTST_* that mapping the grant returns
  uint32_t mappings = 0;
};

// An action that other domains or the disk can see.  Host::visible lists them in order.
enum class Visible {
  kMap,       // a map hypercall
  kSubmit,    // I/O is submitted to the disk
  kUnmap,     // an unmap hypercall
  kCopyIn,    // a hypercall that copies from the guest
  kCopyOut,   // or to the guest
  kResponse,  // the fields of a response are written
  kIndex,     // rsp_prod is written: the responses become visible
  kNotify,    // an event is sent to the frontend
  kAsk,       // req_event is written: asks the frontend for an event
};

class Host {
 public:
  // --- failures -----------------------------------------------------------
  // The n-th (from 1) fallible call from now on fails; 0: none.
  uint32_t fail_call = 0;
  uint32_t fallible_calls = 0;
  // Names of functions.  Every call of these functions fails.
  FlatSet<std::string> failing;
  bool fails(const char* function);
  // By name: the error that a function of host/store.h returns instead of its usual error.
  FlatMap<std::string, int> errors;
  [[nodiscard]] int error_of(const char* function, int usual) const;
  std::string failed_call;  // the function that `fail_call` made fail

  // --- memory, pages, grants ------------------------------------------------
  FlatMap<void*, size_t> memory;  // live allocations and their sizes in bytes
  // host_alloc(), host_buffer_alloc() and host_page_alloc() take alloc_ms and then call
  // at_reclaim: the kernel may run its drivers' shrinkers in the context that allocates.
  uint64_t alloc_ms = 0;
  std::function<void()> at_reclaim;
  // host_try_alloc() fails for more than largest_try bytes, and after tries_left successes
  // (UINT32_MAX: no limit).
  size_t largest_try = SIZE_MAX;
  uint32_t tries_left = UINT32_MAX;
  void wait_for_memory();
  FlatMap<uint32_t, GuestPage> grants;
  FlatMap<uint32_t, host_page*> handles;
  FlatSet<uint32_t> sticky_handles;  // unmapping these fails
  std::vector<std::unique_ptr<host_page>> pages;
  uint32_t pages_out = 0;
  uint32_t buffers_out = 0;
  uint32_t buffers_most = 0;           // the most buffers that were out at once
  uint32_t buffers_left = UINT32_MAX;  // left to host_buffer_try_alloc(); UINT32_MAX: no limit
  uint32_t pages_left = UINT32_MAX;    // left to host_page_alloc(); UINT32_MAX: no limit
  uint32_t page_refusals = 0;
  uint32_t lost_pages = 0;
  // Maptrack handles that are left: one for each mapping; UINT32_MAX: no limit.
  uint32_t handles_left = UINT32_MAX;
  int16_t no_handle_status = -13;  // GNTST_no_space
  bool take_handles(uint32_t count);
  void give_handles(uint32_t count);
  std::vector<uint32_t> page_allocations;  // pages of each host_page_alloc()
  std::vector<uint32_t> map_calls;
  std::vector<uint32_t> unmap_calls;
  std::vector<uint8_t> map_read_only;
  std::vector<uint32_t> copy_calls;
  uint32_t scratches = 0;
  uint64_t scratch_bytes = 0;
  [[nodiscard]] uint64_t memory_bytes() const;  // all that is handed out now
  struct MappedRing {
    const host_device* device;
    std::vector<uint32_t> grefs;
  };
  // Mapped rings by the memory of their first page.  A guest may name one page for several rings.
  FlatMap<void*, MappedRing> rings;
  // The ring whose memory contains the byte, or rings.end().
  [[nodiscard]] FlatMap<void*, MappedRing>::const_iterator ring_at(const void* byte) const;
  uint32_t next_handle = 100;
  uint16_t last_domid = 0;  // of the last hypercall that mapped or copied
  uint32_t spinlocks_held = 0;
  std::vector<uint64_t> spinlock_classes;  // of the held spinlocks, outermost first
  LockOrder locks;
  uint32_t interrupts = 0;           // depth of contexts that must not sleep
  std::vector<uint32_t> page_frees;  // pages of each host_page_free()

  // --- shared memory ----------------------------------------------------------
  std::vector<Visible> visible;
  [[nodiscard]] uint32_t seen(Visible what) const;
  // Reads by host_shared_copy(), host_page_copy() and host_grant_copy().  reads_of() counts those
  // of one byte.
  struct Copy {
    const void* from;
    size_t bytes;
  };
  std::vector<Copy> copies;
  [[nodiscard]] uint32_t reads_of(const uint8_t* byte) const;
  bool change_after_read = true;  // a second host_shared_copy() finds other bytes
  std::function<void()> at_fence;
  // Called before host_shared_copy() reads, with its source and its length in bytes.
  std::function<void(const void*, size_t)> at_copy;
  // Called after a response is written, with its address, id, operation and status.
  std::function<void(const void*, uint64_t, uint8_t, int16_t)> at_respond;
  // At the n-th (from 1) cross() of a queue's thread from now on, another CPU runs
  // `interruption`; 0: never.  Functions of the host call cross(); under a spinlock it does
  // nothing.
  uint32_t interrupt_at = 0;
  std::function<void()> interruption;
  void cross();
  // The same for cross_work() of a work.
  uint32_t work_interrupt_at = 0;
  std::function<void()> work_interruption;
  void cross_work();

  // --- disk -------------------------------------------------------------------
  host_disk_geometry geometry{.sectors = 2048,
                              .max_discard_sectors = 0,
                              .max_secure_discard_sectors = 0,
                              .logical_block_bytes = 512,
                              .physical_block_bytes = 512,
                              .discard_granularity_bytes = 0,
                              .discard_alignment_bytes = 0,
                              .write_cache = 1,
                              .removable = 0,
                              .cdrom = 0,
                              .stable_writes = 0,
                              .reserved = {}};
  // The first bytes of the disk.  Bytes past the end of the vector are zero.
  std::vector<uint8_t> disk;
  void need_disk(uint64_t bytes) {
    if (disk.size() < bytes) disk.resize(bytes);
  }
  [[nodiscard]] uint8_t disk_byte(uint64_t at) const { return at < disk.size() ? disk[at] : 0; }
  uint32_t disks_open = 0;
  // Called while host_disk_open() or host_disk_sync() waits for the disk.
  std::function<void()> at_open;
  std::function<void()> at_sync;
  int open_error = 0;
  uint64_t disk_sequence = 1;  // of all disks
  // cgroups, and what host_disk_charge() returns for each; -ENOENT for all others.
  FlatMap<std::string, int> groups;
  int sync_error = 0;
  int io_error = 0;         // errno of I/Os that end without complete(); 0: success
  DiskCache cache;          // volatile if geometry.write_cache is set
  bool flush_lies = false;  // a flush succeeds and makes nothing durable
  // Checks in every case that data is durable when a guest's flush is answered.
  FlushOracle flush_oracle{cache};
  bool surveying = false;  // from host_survey_start() until driver_survey() returns false
  void survey();           // calls driver_survey() if `surveying`
  uint32_t whole_disk_minor = UINT32_MAX;  // all open disks are partitions of this one
  bool disk_gone = false;                  // removed from the system; I/Os fail
  bool hold_io = false;                    // I/Os wait for complete()
  // I/Os that have not ended.  With hold_io they wait for complete().  A discard is put here in
  // any case; without hold_io run_once() ends it.
  std::deque<host_io*> held;
  uint32_t disk_depth = UINT32_MAX;  // of the disk's queue: a submitter waits while it is full
  // I/Os that the disk has, and the fingerprint of each when it was submitted.
  FlatMap<const host_io*, uint64_t> with_disk;
  // Called before a submitted I/O is checked: a case can plant a mistake of the driver.
  std::function<void(host_io&)> at_submit;
  // Called instead of driver_io_done(), for I/Os that a case submits itself.
  std::function<void(host_io&)> at_io_done;
  std::vector<uint32_t> submissions;  // I/Os of each host_disk_submit()
  struct IoRecord {
    uint8_t operation;
    uint8_t flags;
    uint64_t sector;
    uint32_t segments;
    uint64_t sectors;     // of a discard
    std::string charged;  // as of host_disk
  };
  std::vector<IoRecord> ios;
  void complete(size_t index, int error = 0);
  // The indices in `held` of the discards that run_once() may end.
  [[nodiscard]] std::vector<size_t> due_discards() const;
  void complete_all() {
    while (!held.empty()) complete(0);
  }

  // --- events, threads, work, time ---------------------------------------------
  FlatMap<uint32_t, host_event_channel*> channels;
  uint32_t notifications = 0;
  uint32_t eois = 0;
  uint32_t spurious_eois = 0;
  bool event_at_bind = false;  // the frontend sends an event during host_event_bind()
  void event(uint32_t port);
  std::vector<std::unique_ptr<host_thread>> threads;
  uint32_t last_pid = 1000;                 // of the threads that were started
  const host_thread* running = nullptr;     // in driver_queue_work()
  const host_work* running_work = nullptr;  // in driver_work()
  uint32_t elsewhere = 0;                   // depth of Elsewhere scopes: another CPU runs
  struct Due {
    uint64_t at_ms;
    uint64_t order;
    auto operator<=>(const Due&) const = default;
  };
  FlatMap<host_work*, Due> works;
  // Works inside driver_work().  While one waits, a case may run others.
  FlatSet<const host_work*> works_under_way;
  uint64_t works_scheduled = 0;
  uint64_t now_ms = 1000000;
  uint64_t hypercall_ms = 0;      // the time that a map or unmap hypercall takes
  uint32_t clock_looks = 0;       // calls of host_time_ns()
  std::function<void()> at_stop;  // called when a thread is about to end
  std::function<void()> at_wake;  // called once, when another context next wakes a thread
  // Given the number n of due threads, works and discards, returns which one (0 to n - 1) is
  // next.  Without it the first thread is next, then the earliest work, then the discards.
  std::function<uint32_t(uint32_t)> choose;
  // Runs one due thread or work, or ends one due discard.  Returns false if nothing is due.
  bool run_once();
  // Runs threads and works, and ends discards, until nothing is due now.
  void run();
  // Advances the time by `ms` and runs each thread and work when it falls due.
  void sleep(uint64_t ms);
  uint32_t passes = 0;
  uint32_t yields = 0;  // calls of host_thread_yield()
  uint32_t work_runs = 0;

  // --- the rest ------------------------------------------------------------------
  host_parameters parameters{.max_buffer_pages = 1024,
                             .max_persistent_grants = 1056,
                             .persistent_grant_unused_seconds = 60,
                             .max_queues = 4,
                             .max_ring_page_order = 4,
                             .buffer_squeeze_duration_ms = 10,
                             .max_guest_memory_kb = 0,
                             .grant_copy_bytes = 16384,
                             .log_stats = 0,
                             .feature_persistent = 1,
                             .x86 = 1,
                             .initial_domain = 1};
  struct Line {
    int level;
    const host_log_limit* limit;  // nullptr: not limited
    std::string text;
  };
  std::vector<Line> log;
  // The number of log lines that contain the text; with a level, only lines of that level.
  [[nodiscard]] uint32_t logged(const char* part, int level = 0) const;

  // What the tracepoints were told.  A case listens by setting host_trace_on.
  std::vector<Traced> traced;

  // Lists what is still handed out, mapped, running or in flight.  Must be empty when a case ends.
  [[nodiscard]] std::string leaks() const;
  // For functions that may sleep: reports a call under a spinlock or in an interrupt.
  void may_sleep(const char* function) const;
  // Reports a broken contract to the runner, or to `complaints` if a case makes the mistake on
  // purpose (support/complaints.h).
  static void broken(const std::string& what);
  std::vector<std::string>* complaints = nullptr;
  uint32_t breaches = 0;

 private:
  // Defined by each runner.
  static void report(const std::string& what);
  void pass(host_thread& thread);
  // The earliest work that is not running; works.end(): none.
  FlatMap<host_work*, Due>::iterator next_work();
};

// The host of the running case.  Each case gets a fresh one from renew_host(), which calls
// driver_init().
Host& host();
void renew_host();
void drop_host();

// The running context holds the lock for a scope.
class Holding {
 public:
  explicit Holding(Lock lock) : lock_(lock), taken_(host().locks.take(lock)) {}
  ~Holding() {
    if (taken_) host().locks.release(lock_);
  }
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;

 private:
  Lock lock_;
  bool taken_;
};

// Another context runs for a scope: it holds none of the outer context's locks.
class Context {
 public:
  Context() : others_(host().locks.set_aside()) {}
  ~Context() { host().locks.resume(std::move(others_)); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

 private:
  std::vector<Lock> others_;
};

// The code of this scope runs as if on another CPU.
class Elsewhere {
 public:
  Elsewhere() { ++host().elsewhere; }
  ~Elsewhere() { --host().elsewhere; }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;

 private:
  Context context_;
};

}  // namespace fake
