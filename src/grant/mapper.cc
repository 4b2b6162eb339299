// SPDX-License-Identifier: GPL-2.0
#include "grant/mapper.h"

#include <algorithm>

#include "base/trace.h"
#include "host/log.h"

namespace blkback {

namespace {

// Is the job still to be mapped?
bool wanted(const GrantJob& job) { return job.outcome == GrantJob::Outcome::kMapped; }

uint32_t unmapped(const GrantJob& job) {
  return static_cast<uint32_t>(
      std::count_if(job.uses.begin(), job.uses.end(),
                    [](const GrantUse& use) { return use.state == GrantUse::State::kUnmapped; }));
}

bool is_shortage(int16_t status) {
  return status == HOST_GRANT_NO_SPACE || status == HOST_GRANT_NO_DEVICE_SPACE;
}

}  // namespace

Result<void> Mapper::create() { return batch_.create(kCapacity); }

// Uses the grants that are mapped persistently.  Returns how many others must be mapped.
uint32_t Mapper::look_up(GrantJob& job) {
  uint32_t missing = 0;
  for (GrantUse& use : job.uses) {
    PersistentGrant* known =
        persistence_ == Persistence::kNegotiated ? persistent_.use(use.gref) : nullptr;
    use.persistent = known;
    if (known == nullptr) {
      use.state = GrantUse::State::kUnmapped;
      use.page = nullptr;
      ++missing;
      continue;
    }
    use.page = known->page;
    use.state = GrantUse::State::kPersistent;
  }
  return missing;
}

// Counts the first look-up of a job.  A job that is looked up again in the same map() counts once.
void Mapper::count(const GrantJob& job, uint32_t missing) {
  if (persistence_ != Persistence::kNegotiated) return;
  look_ups_.hits += static_cast<uint32_t>(job.uses.size()) - missing;
  look_ups_.misses += missing;
}

// Would the hypervisor refuse `missing` grants again?  See refused_grants_.
bool Mapper::pointless(uint32_t missing, uint64_t now_ms) const {
  return refused_ms_ != 0 && refused_ms_ == now_ms && missing > refused_grants_ / 2;
}

void Mapper::note_no_handles(uint32_t wanted, uint64_t now_ms) {
  refused_grants_ = refused_ms_ == now_ms ? std::min(refused_grants_, wanted) : wanted;
  refused_ms_ = now_ms;
}

// Ends a job that has no ordinary mappings: ends its uses of persistent grants.
void Mapper::give_up(GrantJob& job, GrantJob::Outcome outcome, uint64_t now_ms) {
  for (GrantUse& use : job.uses) {
    if (use.state == GrantUse::State::kPersistent) persistent_.put(*use.persistent, now_ms);
    use.state = GrantUse::State::kUnmapped;
    use.persistent = nullptr;
    use.page = nullptr;
  }
  job.outcome = outcome;
}

Result<void> Mapper::get_pages(std::span<host_page*> pages, const PersistentGrants::Limits& limits,
                               uint64_t now_ms) {
  const auto count = static_cast<uint32_t>(pages.size());
  if (held_ + count > limits.most_pages) return failure(-kEdquot);
  const Result<void> got = pool_.get(pages, now_ms);
  if (got) held_ += count;
  return got;
}

// Takes a page for every grant that is not mapped yet: for all jobs at once, or, when
// there are too few pages, for one job after the other.
void Mapper::take_pages(std::span<GrantJob* const> jobs, uint32_t missing,
                        const PersistentGrants::Limits& limits, uint64_t now_ms) {
  const std::span<host_page*> pages = batch_.pages();
  const bool all = get_pages(pages.first(missing), limits, now_ms).has_value();
  uint32_t next = 0;
  for (GrantJob* job : jobs) {
    if (!wanted(*job)) continue;
    if (!all) {
      const uint32_t lacking = unmapped(*job);
      next = 0;
      const Result<void> got = get_pages(pages.first(lacking), limits, now_ms);
      if (!got) {
        (got.error().number == -kEdquot ? shortage_.capped : shortage_.pages) += lacking;
        give_up(*job, GrantJob::Outcome::kNoPages, now_ms);
        continue;
      }
    }
    for (GrantUse& use : job->uses) {
      if (use.state == GrantUse::State::kUnmapped) use.page = pages[next++];
    }
  }
}

// Records the mapping of a grant and decides whether it becomes persistent.
void Mapper::decide(GrantUse& use, const host_grant_map_op& op,
                    const PersistentGrants::Limits& limits) {
  use.handle = op.handle;
  use.state = GrantUse::State::kOrdinary;
  if (persistence_ != Persistence::kNegotiated || !limits.keep_new) return;

  const Result<PersistentGrant*> entered = persistent_.enter(use.gref, op.handle, use.page, limits);
  if (entered) {
    use.persistent = *entered;
    use.state = GrantUse::State::kPersistent;
    pool_.let_go();
    --held_;
    return;
  }
  if (entered.error().number == -kEinval) {
    host_log_limited(&log_.limits.grants, HOST_LOG_ALERT,
                     "%s: trying to add grant reference %u that is mapped persistently already",
                     log_.name, use.gref);
  } else if (entered.error().number == -kEbusy && !overflow_logged_) {
    overflow_logged_ = true;
    host_log_limited(&log_.limits.grants, HOST_LOG_INFO,
                     "%s: using the maximum of %u persistent grants", log_.name, limits.max_grants);
  }
}

void Mapper::map(std::span<GrantJob* const> jobs, const PersistentGrants::Limits& limits,
                 uint64_t now_ms) {
  uint32_t missing = 0;
  uint32_t refused = 0;
  for (GrantJob* job : jobs) {
    job->outcome = GrantJob::Outcome::kMapped;
    const uint32_t lacking = look_up(*job);
    count(*job, lacking);
    if (lacking != 0 && pointless(lacking, now_ms)) {
      refused += lacking;
      give_up(*job, GrantJob::Outcome::kNoHandles, now_ms);
      continue;
    }
    missing += lacking;
  }
  if (missing == 0 || map_missing(jobs, missing, limits, now_ms)) {
    shortage_.handles += refused;
    return;
  }

  // Xen does the operations in order.  A large job may have taken handles that suffice
  // for smaller ones and still lack some.
  missing = choose_again(jobs, give_back(jobs, now_ms), now_ms);
  if (missing == 0 || map_missing(jobs, missing, limits, now_ms)) return;
  shortage_.handles += missing;
  (void)give_back(jobs, now_ms);
}

// Unmaps the grants of the jobs that lacked handles.  Returns how many handles came free.
uint32_t Mapper::give_back(std::span<GrantJob* const> jobs, uint64_t now_ms) {
  uint32_t handles = 0;
  for (GrantJob* job : jobs) {
    if (job->outcome != GrantJob::Outcome::kNoHandles) continue;
    handles += static_cast<uint32_t>(
        std::count_if(job->uses.begin(), job->uses.end(),
                      [](const GrantUse& use) { return use.state == GrantUse::State::kOrdinary; }));
    end_uses(*job, now_ms);
  }
  unmapper_.flush(pool_, counters_);
  return handles;
}

// Selects, in order, the jobs without handles for which `handles` handles suffice.  Returns
// how many of their grants must be mapped.
uint32_t Mapper::choose_again(std::span<GrantJob* const> jobs, uint32_t handles, uint64_t now_ms) {
  uint32_t missing = 0;
  uint32_t refused = 0;
  for (GrantJob* job : jobs) {
    if (job->outcome != GrantJob::Outcome::kNoHandles) continue;
    const uint32_t lacking = look_up(*job);
    if (lacking <= handles) {
      handles -= lacking;
      missing += lacking;
      job->outcome = GrantJob::Outcome::kMapped;
      continue;
    }
    refused += lacking;
    note_no_handles(lacking, now_ms);
    give_up(*job, GrantJob::Outcome::kNoHandles, now_ms);
  }
  shortage_.handles += refused - std::min(refused, handles);
  return missing;
}

// Maps the `missing` grants of `jobs` that are not mapped.  Returns false when handles ran
// out.
bool Mapper::map_missing(std::span<GrantJob* const> jobs, uint32_t missing,
                         const PersistentGrants::Limits& limits, uint64_t now_ms) {
  take_pages(jobs, missing, limits, now_ms);

  host_grant_map_op* const ops = batch_.maps();
  uint32_t count = 0;
  for (const GrantJob* job : jobs) {
    if (!wanted(*job)) continue;
    for (const GrantUse& use : job->uses) {
      if (use.state != GrantUse::State::kUnmapped) continue;
      host_grant_map_op& op = ops[count++];
      op = host_grant_map_op{};
      op.page = use.page;
      op.gref = use.gref;
      // A mapping that may become persistent must serve reads and writes.
      op.read_only = job->map_read_only && persistence_ == Persistence::kOff ? 1u : 0u;
    }
  }
  if (count == 0) return true;
  host_grant_map(batch_.scratch(), domid_, ops, count);
  counters_.map_calls.add(1);
  return take_mappings(jobs, limits);
}

// Takes over the results of a map hypercall.  Returns false when handles ran out.
bool Mapper::take_mappings(std::span<GrantJob* const> jobs,
                           const PersistentGrants::Limits& limits) {
  const host_grant_map_op* op = batch_.maps();
  uint32_t mapped = 0;
  uint32_t unused = 0;
  bool enough = true;
  for (GrantJob* job : jobs) {
    if (!wanted(*job)) continue;
    bool lacking = false;
    for (GrantUse& use : job->uses) {
      if (use.state != GrantUse::State::kUnmapped) continue;
      const host_grant_map_op& result = *op++;
      if (result.status == 0) {
        decide(use, result, limits);
        ++mapped;
        continue;
      }
      batch_.pages()[unused++] = use.page;
      use.page = nullptr;
      if (is_shortage(result.status)) {
        lacking = true;
        continue;
      }
      job->outcome = GrantJob::Outcome::kFailed;
      host_log_limited(&log_.limits.grants, HOST_LOG_WARNING,
                       "%s: grant reference %u could not be mapped: status %d", log_.name, use.gref,
                       result.status);
    }
    // A job that fails anyway does not wait for handles.
    if (!lacking || job->outcome == GrantJob::Outcome::kFailed) continue;
    job->outcome = GrantJob::Outcome::kNoHandles;
    enough = false;
  }
  counters_.mapped.add(mapped);
  held_ -= unused;
  pool_.put(batch_.pages().first(unused));
  if (traced(HOST_TRACE_GRANTS)) host_trace_grants(&log_.ring, mapped, 0, 0, pool_.free_pages());
  return enough;
}

bool Mapper::busy(const GrantJob& job) {
  for (const GrantUse& use : job.uses) {
    if (use.state != GrantUse::State::kUnmapped && host_page_busy(use.page)) return true;
  }
  return false;
}

void Mapper::end_uses(GrantJob& job, uint64_t now_ms) {
  for (GrantUse& use : job.uses) {
    if (use.state == GrantUse::State::kOrdinary) {
      unmapper_.add(use.page, use.handle, pool_, counters_);
      --held_;
    } else if (use.state == GrantUse::State::kPersistent) {
      persistent_.put(*use.persistent, now_ms);
    }
    use.state = GrantUse::State::kUnmapped;
    use.persistent = nullptr;
    use.page = nullptr;
  }
}

void Mapper::release(std::span<GrantJob* const> jobs, uint64_t now_ms) {
  for (GrantJob* job : jobs) end_uses(*job, now_ms);
  unmapper_.flush(pool_, counters_);
  refused_ms_ = 0;
}

}  // namespace blkback
