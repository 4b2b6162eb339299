// SPDX-License-Identifier: GPL-2.0
// Maps the grants of a batch of requests and unmaps them again.
//
// A grant that is already mapped persistently needs neither a page nor a hypercall.  The
// others take pages from the pool and are mapped with one hypercall for the whole batch,
// or two when handles run out.  Only after the hypercall is it decided for each grant
// whether its mapping becomes persistent.
//
// INVARIANT: a page is in exactly one place: in the pool, in a GrantUse, in a persistent
// grant, or lost because the hypervisor did not unmap it.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "base/counter.h"
#include "base/log_limits.h"
#include "base/owned.h"
#include "base/result.h"
#include "grant/page_pool.h"
#include "grant/persistent_grants.h"
#include "host/grant.h"

namespace blkback {

// One segment's grant while a request uses it.
struct GrantUse {
  enum class State : uint8_t {
    kUnmapped,    // no page
    kOrdinary,    // mapped for this request alone
    kPersistent,  // uses a persistent grant
  };

  uint32_t gref = 0;
  State state = State::kUnmapped;
  host_page* page = nullptr;
  union {
    PersistentGrant* persistent = nullptr;  // with kPersistent
    uint32_t handle;                        // with kOrdinary
  };
};
static_assert(sizeof(GrantUse) == 24, "a ring has hundreds of them");

// The grants of one request.
struct GrantJob {
  enum class Outcome : uint8_t {
    kMapped,  // all grants
    kFailed,  // at least one cannot be mapped: no such grant, no permission
    // No grant is mapped, because pages or handles ran out: those that all guests share, or
    // the pages of the guest's cap.  The same job may be passed to map() again.
    kNoPages,
    kNoHandles,
  };

  std::span<GrantUse> uses;
  bool map_read_only = false;          // in: map read-only if persistence is off
  Outcome outcome = Outcome::kMapped;  // out
};

struct GrantCounters {
  Counter map_calls;
  Counter mapped;
  Counter unmap_calls;
  Counter unmapped;
  Counter lost_pages;
};

// Buffers for the operations of one hypercall.  One user at a time.
class GrantBatch {
 public:
  // Error: -ENOMEM.
  [[nodiscard]] Result<void> create(uint32_t capacity);

  // What create() allocates, in bytes.
  [[nodiscard]] static uint64_t cost(uint32_t capacity) {
    return host_grant_scratch_cost(capacity) + host_memory_cost(sizeof(Op) * capacity) +
           host_memory_cost(sizeof(host_page*) * capacity);
  }

  [[nodiscard]] uint32_t capacity() const { return static_cast<uint32_t>(ops_.all().size()); }
  [[nodiscard]] host_grant_scratch* scratch() { return scratch_.get(); }
  [[nodiscard]] host_grant_map_op* maps() { return &ops_[0].map; }
  [[nodiscard]] host_grant_unmap_op* unmaps() {
    return reinterpret_cast<host_grant_unmap_op*>(ops_.all().data());
  }
  // For fewer operations: each is larger.
  [[nodiscard]] host_grant_copy_op* copies() {
    return reinterpret_cast<host_grant_copy_op*>(ops_.all().data());
  }
  [[nodiscard]] uint32_t copy_capacity() const {
    return static_cast<uint32_t>(ops_.all().size_bytes() / sizeof(host_grant_copy_op));
  }
  // The pages to map grants into, or the pages that were emptied.
  [[nodiscard]] std::span<host_page*> pages() { return pages_.all(); }

 private:
  union Op {
    host_grant_map_op map{};
    host_grant_unmap_op unmap;
  };
  static_assert(sizeof(Op) == sizeof(host_grant_map_op));

  Handle<host_grant_scratch, host_grant_scratch_free> scratch_;
  OwnedArray<Op> ops_;
  OwnedArray<host_page*> pages_;
};

// Unmaps grants, with one hypercall for as many as the batch holds.  Emptied pages go to
// the pool.
class Unmapper {
 public:
  // Nobody else may use the batch from the first add() to flush().
  Unmapper(GrantBatch& batch, const RingLog& log) : batch_(batch), log_(log) {}
  Unmapper(const Unmapper&) = delete;
  Unmapper& operator=(const Unmapper&) = delete;

  // Adds a mapping to unmap.  If the batch is full, flushes it first.
  void add(host_page* page, uint32_t handle, PagePool& pool, GrantCounters& counters);

  // Unmaps the added mappings.  Without any there is no hypercall.
  void flush(PagePool& pool, GrantCounters& counters);

 private:
  GrantBatch& batch_;
  const RingLog log_;
  uint32_t count_ = 0;
};

class Mapper {
 public:
  enum class Persistence : uint8_t { kOff, kNegotiated };

  Mapper(uint16_t domid, Persistence persistence, PagePool& pool, const RingLog& log)
      : pool_(pool),
        persistent_(pool.account()),
        log_(log),
        domid_(domid),
        persistence_(persistence) {}

  // Error: -ENOMEM.
  [[nodiscard]] Result<void> create();

  // The largest number of grants in one map().
  static constexpr uint32_t kCapacity = 32 * 11;

  // What create() allocates, in bytes.
  [[nodiscard]] static uint64_t cost() { return GrantBatch::cost(kCapacity); }

  // The number of grants that could not be mapped for lack of pages, of handles, or of pages
  // that the guest may have.
  struct Shortage {
    uint32_t pages = 0;
    uint32_t capped = 0;
    uint32_t handles = 0;
  };

  // Maps the grants of `jobs`: at most kCapacity in total, none mapped yet.  Sets the
  // outcome of each job.
  // A job for which the handles ran out halfway is unmapped again: two jobs that kept
  // their part would wait for each other.  The freed handles go to the other such jobs
  // for which they suffice.
  void map(std::span<GrantJob* const> jobs, const PersistentGrants::Limits& limits,
           uint64_t now_ms);

  // The shortage that map() met since the last call.
  [[nodiscard]] Shortage take_shortage() { return std::exchange(shortage_, Shortage{}); }

  // How many grants of map()'s jobs were mapped persistently already, and how many were not.
  // Both are zero when persistence is off.
  struct LookUps {
    uint32_t hits = 0;
    uint32_t misses = 0;
  };

  // The look-ups of map() since the last call.
  [[nodiscard]] LookUps take_look_ups() { return std::exchange(look_ups_, LookUps{}); }

  // Does the storage stack still hold a page of the job?  It may send the page once more,
  // so the frontend must not write to the page yet, even if the grant is persistent.
  [[nodiscard]] static bool busy(const GrantJob& job);

  // Ends the uses of `jobs`; no job may be busy.  Ordinary grants are unmapped when this
  // returns.
  void release(std::span<GrantJob* const> jobs, uint64_t now_ms);

  [[nodiscard]] PersistentGrants& persistent() { return persistent_; }
  [[nodiscard]] const PersistentGrants& persistent() const { return persistent_; }
  [[nodiscard]] GrantCounters& counters() { return counters_; }

  // For other hypercalls of the queue's thread, between two calls of this class.
  [[nodiscard]] GrantBatch& batch() { return batch_; }
  // Does no grant stay mapped between requests?
  [[nodiscard]] bool ordinary() const { return persistence_ == Persistence::kOff; }

 private:
  uint32_t look_up(GrantJob& job);
  void count(const GrantJob& job, uint32_t missing);
  [[nodiscard]] bool pointless(uint32_t missing, uint64_t now_ms) const;
  void note_no_handles(uint32_t wanted, uint64_t now_ms);
  void give_up(GrantJob& job, GrantJob::Outcome outcome, uint64_t now_ms);
  [[nodiscard]] Result<void> get_pages(std::span<host_page*> pages,
                                       const PersistentGrants::Limits& limits, uint64_t now_ms);
  void take_pages(std::span<GrantJob* const> jobs, uint32_t missing,
                  const PersistentGrants::Limits& limits, uint64_t now_ms);
  [[nodiscard]] bool map_missing(std::span<GrantJob* const> jobs, uint32_t missing,
                                 const PersistentGrants::Limits& limits, uint64_t now_ms);
  [[nodiscard]] bool take_mappings(std::span<GrantJob* const> jobs,
                                   const PersistentGrants::Limits& limits);
  uint32_t give_back(std::span<GrantJob* const> jobs, uint64_t now_ms);
  [[nodiscard]] uint32_t choose_again(std::span<GrantJob* const> jobs, uint32_t handles,
                                      uint64_t now_ms);
  void end_uses(GrantJob& job, uint64_t now_ms);
  void decide(GrantUse& use, const host_grant_map_op& op, const PersistentGrants::Limits& limits);

  PagePool& pool_;
  PersistentGrants persistent_;
  GrantCounters counters_;
  const RingLog log_;
  GrantBatch batch_;  // used by map(), by release(), and by the user of batch()
  Unmapper unmapper_{batch_, log_};
  uint16_t domid_;
  Persistence persistence_;
  bool overflow_logged_ = false;
  uint32_t held_ = 0;  // pages of mappings that are not persistent
  Shortage shortage_;
  LookUps look_ups_;
  // The smallest number of grants for which a job found no handles at refused_ms_.  A job
  // that needs more than half as many is not tried until release() or a later time.
  uint32_t refused_grants_ = 0;
  uint64_t refused_ms_ = 0;  // 0: never
};

}  // namespace blkback
