// SPDX-License-Identifier: GPL-2.0
#include "grant/mapper.h"

#include "host/log.h"

namespace blkback {

Result<void> Mapper::create() { return batch_.create(kCapacity); }

// Borrows what is mapped persistently; returns how many grants are missing.
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

void Mapper::give_up_pages(GrantJob& job, uint64_t now_ms) {
  for (GrantUse& use : job.uses) {
    if (use.state == GrantUse::State::kPersistent) persistent_.put(*use.persistent, now_ms);
    use.state = GrantUse::State::kUnmapped;
    use.persistent = nullptr;
    use.page = nullptr;
  }
  job.outcome = GrantJob::Outcome::kNoPages;
}

// A page for every grant that is not mapped yet: all at once, or, when there
// are not that many, for one request after the other.
void Mapper::take_pages(std::span<GrantJob* const> jobs, uint32_t missing, uint64_t now_ms) {
  const std::span<host_page*> pages = batch_.pages();
  const bool all = pool_.get(pages.first(missing)).has_value();
  uint32_t next = 0;
  for (GrantJob* job : jobs) {
    if (!all) {
      uint32_t wanted = 0;
      for (const GrantUse& use : job->uses) {
        if (use.state == GrantUse::State::kUnmapped) ++wanted;
      }
      next = 0;
      if (!pool_.get(pages.first(wanted)).has_value()) {
        give_up_pages(*job, now_ms);
        continue;
      }
    }
    for (GrantUse& use : job->uses) {
      if (use.state == GrantUse::State::kUnmapped) use.page = pages[next++];
    }
  }
}

// Decides what becomes of a grant, now that it is mapped.
void Mapper::settle(GrantUse& use, const host_grant_map_op& op,
                    const PersistentGrants::Limits& limits) {
  use.handle = op.handle;
  use.state = GrantUse::State::kOrdinary;
  if (persistence_ != Persistence::kNegotiated) return;

  const Result<PersistentGrant*> entered = persistent_.enter(use.gref, op.handle, use.page, limits);
  if (entered) {
    use.persistent = *entered;
    use.state = GrantUse::State::kPersistent;
    return;
  }
  if (entered.error().number == -kEinval) {
    host_log_limited(&log_.limits.grants, HOST_LOG_ALERT,
                     "%s: trying to add grant reference %u that is mapped persistently already",
                     log_.name, use.gref);
  } else if (entered.error().number != -kEnoMem && !overflow_logged_) {
    overflow_logged_ = true;
    host_log_limited(&log_.limits.grants, HOST_LOG_INFO, "%s: using the maximum of %u persistent grants", log_.name,
                     limits.max_grants);
  }
}

void Mapper::map(std::span<GrantJob* const> jobs, const PersistentGrants::Limits& limits,
                 uint64_t now_ms) {
  uint32_t missing = 0;
  for (GrantJob* job : jobs) {
    job->outcome = GrantJob::Outcome::kMapped;
    missing += look_up(*job);
  }
  if (missing == 0) return;
  take_pages(jobs, missing, now_ms);

  host_grant_map_op* const ops = batch_.maps();
  uint32_t count = 0;
  for (const GrantJob* job : jobs) {
    if (job->outcome == GrantJob::Outcome::kNoPages) continue;
    for (const GrantUse& use : job->uses) {
      if (use.state != GrantUse::State::kUnmapped) continue;
      host_grant_map_op& op = ops[count++];
      op = host_grant_map_op{};
      op.page = use.page;
      op.gref = use.gref;
      // A mapping that may stay must serve reads and writes alike.
      op.read_only = job->guest_data_only_read && persistence_ == Persistence::kOff ? 1u : 0u;
    }
  }
  if (count == 0) return;
  host_grant_map(batch_.scratch(), domid_, ops, count);
  counters_.map_calls.add(1);

  uint32_t next = 0;
  uint32_t unused = 0;
  for (GrantJob* job : jobs) {
    if (job->outcome == GrantJob::Outcome::kNoPages) continue;
    for (GrantUse& use : job->uses) {
      if (use.state != GrantUse::State::kUnmapped) continue;
      const host_grant_map_op& op = ops[next++];
      if (op.status == 0) {
        settle(use, op, limits);
        continue;
      }
      batch_.pages()[unused++] = use.page;
      use.page = nullptr;
      job->outcome = GrantJob::Outcome::kFailed;
      host_log_limited(&log_.limits.grants, HOST_LOG_WARNING, "%s: grant reference %u could not be mapped: status %d",
                       log_.name, use.gref, op.status);
    }
  }
  counters_.mapped.add(count - unused);
  pool_.put(batch_.pages().first(unused));
}

bool Mapper::busy(const GrantJob& job) {
  for (const GrantUse& use : job.uses) {
    if (use.state == GrantUse::State::kOrdinary && host_page_busy(use.page)) return true;
  }
  return false;
}

void Mapper::release(std::span<GrantJob* const> jobs, uint64_t now_ms) {
  for (GrantJob* job : jobs) {
    for (GrantUse& use : job->uses) {
      if (use.state == GrantUse::State::kOrdinary) {
        unmapper_.add(use.page, use.handle, pool_, counters_);
      } else if (use.state == GrantUse::State::kPersistent) {
        persistent_.put(*use.persistent, now_ms);
      }
      use.state = GrantUse::State::kUnmapped;
      use.persistent = nullptr;
      use.page = nullptr;
    }
  }
  unmapper_.flush(pool_, counters_);
}

}  // namespace blkback
