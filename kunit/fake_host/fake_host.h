// SPDX-License-Identifier: GPL-2.0
// The host that the core runs on in tests, in user space and in a kernel.
//
// It stands in for src/linux: every host_* function, deterministic and single
// threaded.  It keeps account of all that it hands out, complains about every
// use that the border's contracts forbid, and fails calls on demand.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "driver.h"
#include "fake_host/disk_cache.h"
#include "fake_host/flush_oracle.h"
#include "fake_host/lock_order.h"
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

  // Where its bytes are; nullptr: it has none.
  [[nodiscard]] uint8_t* bytes() { return own.empty() ? mapped : own.data(); }
};

struct host_disk {
  uint32_t major;
  uint32_t minor;
  bool read_only;
  mutable host_disk_geometry described{};  // what the driver was told last
  mutable uint64_t most_sectors = 0;       // the largest size that it was told
};

struct host_event_channel {
  driver_queue* queue;
  uint32_t port;
  bool masked = false;
  bool pending = false;  // an event came while it was masked
};

struct host_thread {
  driver_queue* queue;
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
  uint64_t identity;
  uint16_t domid;
  uint32_t state = HOST_XENBUS_INITIALISING;
  bool shown = false;
  bool removed = false;   // its directory may be another device's
  uint32_t reads = 0;     // of xenstore
  uint32_t too_late = 0;  // calls that found it removed
  bool released = false;
  std::map<std::string, std::string> backend;
  std::map<std::string, std::string> frontend;
  std::vector<uint32_t> states;            // all that were published
  std::function<void(uint32_t)> at_state;  // before one is published
  std::vector<uint64_t> resizes;           // sizes that a connected frontend was told
  std::vector<std::string> errors;
  driver_device* driver = nullptr;
};

namespace fake {

struct GuestPage {
  uint8_t* memory = nullptr;
  bool read_only = false;
  int16_t status = 0;  // what mapping it answers
  uint32_t mappings = 0;
};

// One entry of what other domains and the disk can see, in order.
enum class Visible {
  kMap,       // a hypercall that maps
  kSubmit,    // I/O goes to the disk
  kUnmap,     // a hypercall that unmaps
  kResponse,  // an answer's fields
  kIndex,     // the index that shows answers
  kNotify,    // an event to the frontend
  kAsk,       // the index at whose request we want an event
};

class Host {
 public:
  // --- failures -----------------------------------------------------------
  // The n-th (from 1) fallible call from now on fails; 0: none.
  uint32_t fail_call = 0;
  uint32_t fallible_calls = 0;
  // Every call of the function fails while its name is here.
  std::set<std::string> failing;
  bool fails(const char* function);
  // What a function of xenstore fails with, if not as is usual for it.
  std::map<std::string, int> errors;
  [[nodiscard]] int error_of(const char* function, int usual) const;
  std::string failed_call;  // the one that `fail_call` hit

  // --- memory, pages, grants ------------------------------------------------
  std::map<void*, size_t> memory;  // and the bytes of each
  // While memory that must be had is looked for: so long it takes, and the
  // kernel asks its drivers for some, in the context that allocates.
  uint64_t alloc_ms = 0;
  std::function<void()> at_reclaim;
  // What can only be tried for: no piece is larger, and so many are left.
  size_t largest_try = SIZE_MAX;
  uint32_t tries_left = UINT32_MAX;
  void wait_for_memory();
  std::map<uint32_t, GuestPage> grants;
  std::map<uint32_t, host_page*> handles;
  std::set<uint32_t> sticky_handles;  // their unmapping fails
  std::vector<std::unique_ptr<host_page>> pages;
  uint32_t pages_out = 0;
  uint32_t buffers_out = 0;
  uint32_t buffers_most = 0;           // that were out at once
  uint32_t buffers_left = UINT32_MAX;  // how many more can be tried for; this: no end of them
  uint32_t pages_left = UINT32_MAX;    // how many more there are; this: no end of them
  uint32_t page_refusals = 0;
  uint32_t lost_pages = 0;
  // How many more mappings there may be; this: no end of them.
  uint32_t handles_left = UINT32_MAX;
  int16_t no_handle_status = -13;  // GNTST_no_space
  bool take_handles(uint32_t count);
  void give_handles(uint32_t count);
  std::vector<uint32_t> page_allocations;  // sizes of the calls
  std::vector<uint32_t> map_calls;
  std::vector<uint32_t> unmap_calls;
  std::vector<uint8_t> map_read_only;
  uint32_t scratches = 0;
  struct MappedRing {
    const host_device* device;
    std::vector<uint32_t> grefs;
  };
  // By their first page, which a guest may name for more than one.
  std::multimap<void*, MappedRing> rings;
  // The ring in whose memory the byte is; rings.end(): in none.
  [[nodiscard]] std::multimap<void*, MappedRing>::const_iterator ring_at(const void* byte) const;
  uint32_t next_handle = 100;
  uint16_t last_domid = 0;  // of the last map hypercall
  uint32_t spinlocks_held = 0;
  std::vector<uint64_t> spinlock_classes;  // of these, the outermost first
  LockOrder locks;
  uint32_t interrupts = 0;           // contexts that must not sleep
  std::vector<uint32_t> page_frees;  // sizes of the calls

  // --- shared memory ----------------------------------------------------------
  std::vector<Visible> visible;
  [[nodiscard]] uint32_t seen(Visible what) const;
  // Where host_shared_copy() read, and how often it did so at one byte.
  struct Copy {
    const void* from;
    size_t bytes;
  };
  std::vector<Copy> copies;
  [[nodiscard]] uint32_t reads_of(const uint8_t* byte) const;
  bool change_after_read = true;  // a second read of a slot finds other bytes
  std::function<void()> at_fence;
  // Before a copy, whose bytes are still what the copy will find.
  std::function<void(const void*, size_t)> at_copy;
  // An answer's place, id, operation and status.
  std::function<void(const void*, uint64_t, uint8_t, int16_t)> at_respond;
  // The n-th (from 1) crossing of a queue's thread into the host from now on
  // is where another CPU does something; 0: never.
  uint32_t interrupt_at = 0;
  std::function<void()> interruption;
  void cross();
  // The same for a device's work.
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
  // Its beginning; what lies behind holds zeroes.
  std::vector<uint8_t> disk;
  void need_disk(uint64_t bytes) {
    if (disk.size() < bytes) disk.resize(bytes);
  }
  [[nodiscard]] uint8_t disk_byte(uint64_t at) const { return at < disk.size() ? disk[at] : 0; }
  uint32_t disks_open = 0;
  // While they wait.
  std::function<void()> at_open;
  std::function<void()> at_sync;
  int open_error = 0;
  int sync_error = 0;
  int io_error = 0;         // what I/Os end with
  DiskCache cache;          // volatile, where the geometry says that there is one
  bool flush_lies = false;  // a flush says that all is durable, and nothing is
  // What has been answered to a guest's flush is durable: looked at always.
  FlushOracle flush_oracle{cache};
  bool surveying = false;  // from host_survey_start() until a survey says that is enough
  void survey();           // one, when it is time for it
  uint32_t whole_disk_minor = UINT32_MAX;  // of the disk whose partitions all disks are
  bool disk_gone = false;                  // removed from the system; I/Os fail
  bool hold_io = false;                    // I/Os wait for complete()
  // Those that have not ended.  A discard is always among them first, and is ended
  // by run_once() unless hold_io says that it waits for complete(), too.
  std::deque<host_io*> held;
  uint32_t disk_depth = UINT32_MAX;  // of the disk's queue: who submits waits while it is full
  // Those with the disk, and what each looked like when it was handed over.
  std::map<const host_io*, uint64_t> with_disk;
  // Before an I/O is looked at: where a case makes a mistake of the driver's.
  std::function<void(host_io&)> at_submit;
  // Instead of driver_io_done(), for I/Os that are not the core's.
  std::function<void(host_io&)> at_io_done;
  std::vector<uint32_t> submissions;  // sizes of the batches
  struct IoRecord {
    uint8_t operation;
    uint8_t flags;
    uint64_t sector;
    uint32_t segments;
    uint64_t sectors;  // of a discard
  };
  std::vector<IoRecord> ios;
  void complete(size_t index, int error = 0);
  // The places of discards that nothing keeps from ending.
  [[nodiscard]] std::vector<size_t> due_discards() const;
  void complete_all() {
    while (!held.empty()) complete(0);
  }

  // --- events, threads, work, time ---------------------------------------------
  std::map<uint32_t, host_event_channel*> channels;
  uint32_t notifications = 0;
  uint32_t eois = 0;
  uint32_t spurious_eois = 0;
  bool event_at_bind = false;  // the frontend's event comes that early
  void event(uint32_t port);
  std::vector<std::unique_ptr<host_thread>> threads;
  const host_thread* running = nullptr;     // in driver_queue_work()
  const host_work* running_work = nullptr;  // in driver_work()
  uint32_t elsewhere = 0;                   // what happens now happens in no thread of a queue
  struct Due {
    uint64_t at_ms;
    uint64_t order;
    auto operator<=>(const Due&) const = default;
  };
  std::map<host_work*, Due> works;
  // Those in driver_work(): one that waits there may let others run meanwhile.
  std::set<const host_work*> works_under_way;
  uint64_t works_scheduled = 0;
  uint64_t now_ms = 1000000;
  std::function<void()> at_wake;  // once, at the next wake-up of a thread by another
  // Which of so many (from 0) threads, works and discards that are due is next;
  // without it the first thread is, then the first work, and discards come last.
  std::function<uint32_t(uint32_t)> choose;
  // Runs one thread or work, or ends one discard, that is due now; false when there
  // is none.
  bool run_once();
  // Runs threads and works, and ends discards, until nothing is due now.
  void run();
  // Lets time pass, running what falls due.
  void sleep(uint64_t ms);
  uint32_t passes = 0;
  uint32_t yields = 0;  // times that a thread's pass let itself be frozen
  uint32_t work_runs = 0;

  // --- the rest ------------------------------------------------------------------
  host_parameters parameters{.max_buffer_pages = 1024,
                             .max_persistent_grants = 1056,
                             .persistent_grant_unused_seconds = 60,
                             .max_queues = 4,
                             .max_ring_page_order = 4,
                             .buffer_squeeze_duration_ms = 10,
                             .log_stats = 0,
                             .feature_persistent = 1,
                             .x86 = 1,
                             .reserved = 0};
  struct Line {
    int level;
    const host_log_limit* limit;  // nullptr: not limited
    std::string text;
  };
  std::vector<Line> log;
  // How many lines hold the text; with a level, only those of that level.
  [[nodiscard]] uint32_t logged(const char* part, int level = 0) const;

  // What must be nothing when a case ends.
  [[nodiscard]] std::string leaks() const;
  // Calls that may sleep must not come under a spinlock.
  void may_sleep(const char* function) const;
  // A contract is broken: reported as the runner does, unless a case plants the
  // mistake and listens for it (support/complaints.h).
  static void broken(const std::string& what);
  std::vector<std::string>* complaints = nullptr;
  uint32_t breaches = 0;

 private:
  // The runner's.
  static void report(const std::string& what);
  void pass(host_thread& thread);
  // The earliest of those that could run; works.end(): none.
  std::map<host_work*, Due>::iterator next_work();
};

// The host of the running case; each gets a fresh one, on which driver_init()
// was called.
Host& host();
void renew_host();
void drop_host();

// The context has the lock for a scope.
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

// A context of its own for a scope: nothing that others hold is held by it.
class Context {
 public:
  Context() : others_(host().locks.set_aside()) {}
  ~Context() { host().locks.resume(std::move(others_)); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

 private:
  std::vector<Lock> others_;
};

// What happens on another CPU meanwhile.
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
