// SPDX-License-Identifier: GPL-2.0
// Maps the grants of a batch of requests and unmaps them again.
//
// A grant that is mapped persistently already costs nothing.  The others take
// pages from the pool and are mapped with one hypercall for the whole batch;
// only after it has returned is it decided, grant by grant, whether a mapping
// stays.
//
// INVARIANT: a page is in exactly one place: the pool, a GrantUse, a
// persistent grant, or lost because the hypervisor would not unmap it.
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
    kPersistent,  // borrowed from the persistent grants
  };

  uint32_t gref = 0;
  State state = State::kUnmapped;
  host_page* page = nullptr;
  union {
    PersistentGrant* persistent = nullptr;  // of kPersistent
    uint32_t handle;                        // of kOrdinary
  };
};
static_assert(sizeof(GrantUse) == 24, "a ring has hundreds of them");

// The grants of one request.
struct GrantJob {
  enum class Outcome : uint8_t {
    kMapped,  // all of them
    kFailed,  // at least one could not be mapped: no such grant, no right
    // None, for a shortage of what all guests share; may be tried again as it is.
    kNoPages,
    kNoHandles,
  };

  std::span<GrantUse> uses;
  bool map_read_only = false;          // in: its data is only read; without persistence mapped so
  Outcome outcome = Outcome::kMapped;  // out
};

struct GrantCounters {
  Counter map_calls;
  Counter mapped;
  Counter unmap_calls;
  Counter unmapped;
  Counter lost_pages;
};

// Room for the operations of one hypercall; one user at a time.
class GrantBatch {
 public:
  // Error: -ENOMEM.
  [[nodiscard]] Result<void> create(uint32_t capacity);

  [[nodiscard]] uint32_t capacity() const { return static_cast<uint32_t>(ops_.all().size()); }
  [[nodiscard]] host_grant_scratch* scratch() { return scratch_.get(); }
  [[nodiscard]] host_grant_map_op* maps() { return &ops_[0].map; }
  [[nodiscard]] host_grant_unmap_op* unmaps() {
    return reinterpret_cast<host_grant_unmap_op*>(ops_.all().data());
  }
  // The pages to be mapped, or those that came free.
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

// Unmaps ordinary mappings, as many with one hypercall as the batch holds; what
// comes free goes to the pool.
class Unmapper {
 public:
  // Borrows the batch, from the first add() to flush().
  Unmapper(GrantBatch& batch, const RingLog& log) : batch_(batch), log_(log) {}
  Unmapper(const Unmapper&) = delete;
  Unmapper& operator=(const Unmapper&) = delete;

  // Adds a mapping; when the batch is full it is flushed.
  void add(host_page* page, uint32_t handle, PagePool& pool, GrantCounters& counters);

  // Unmaps what was added: no hypercall when nothing was.
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
      : pool_(pool), log_(log), domid_(domid), persistence_(persistence) {}

  // Error: -ENOMEM.
  [[nodiscard]] Result<void> create();

  // How many grants one map() may be asked for.
  static constexpr uint32_t kCapacity = 32 * 11;

  // How many grants could not be mapped for a shortage.
  struct Shortage {
    uint32_t pages = 0;
    uint32_t handles = 0;
  };

  // Maps the grants of `jobs`, at most kCapacity together, none mapped yet.
  // What a job had mapped before the handles ran out is unmapped again: two
  // that keep what they have would wait for each other.  Those behind it that
  // this is enough for get it.
  void map(std::span<GrantJob* const> jobs, const PersistentGrants::Limits& limits,
           uint64_t now_ms);

  // What map() lacked since the last call.
  [[nodiscard]] Shortage take_shortage() { return std::exchange(shortage_, Shortage{}); }

  // Does the storage stack still hold a page of the job?  It may send it once
  // more, so the frontend must not write to it yet, even where the mapping stays.
  [[nodiscard]] static bool busy(const GrantJob& job);

  // Ends the uses of `jobs`, none of them busy: ordinary grants are unmapped
  // when this returns.
  void release(std::span<GrantJob* const> jobs, uint64_t now_ms);

  [[nodiscard]] PersistentGrants& persistent() { return persistent_; }
  [[nodiscard]] GrantCounters& counters() { return counters_; }

 private:
  uint32_t look_up(GrantJob& job);
  [[nodiscard]] bool pointless(uint32_t missing, uint64_t now_ms) const;
  void note_no_handles(uint32_t wanted, uint64_t now_ms);
  void give_up(GrantJob& job, GrantJob::Outcome outcome, uint64_t now_ms);
  void take_pages(std::span<GrantJob* const> jobs, uint32_t missing, uint64_t now_ms);
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
  GrantBatch batch_;  // of map() or of release()
  Unmapper unmapper_{batch_, log_};
  uint16_t domid_;
  Persistence persistence_;
  bool overflow_logged_ = false;
  Shortage shortage_;
  // The smallest job that found no handles at that time; until one of ours is
  // free or the time has changed a job of more than half its size is not tried.
  uint32_t refused_grants_ = 0;
  uint64_t refused_ms_ = 0;  // 0: never
};

}  // namespace blkback
