// SPDX-License-Identifier: GPL-2.0
// Predicts from the model what Mapper::map() must do, and compares.
#include <algorithm>
#include <span>

#include "fuzz/grants_fuzz.h"
#include "fuzz/require.h"

namespace fuzz {

using blkback::GrantJob;
using blkback::GrantUse;
using blkback::Mapper;
using fake::host;
using Outcome = GrantJob::Outcome;
using State = GrantUse::State;

// A job that waits holds nothing: its uses of persistent grants end.
void GrantsFuzz::foresee_wait(const GrantJob& job, Foreseen& foreseen, Outcome outcome) {
  foreseen.outcome = outcome;
  for (size_t i = 0; i < job.uses.size(); ++i) {
    if (foreseen.states[i] == State::kPersistent) model_.put(job.uses[i].gref, host().now_ms);
    foreseen.states[i] = State::kUnmapped;
  }
}

// Takes the grants that are persistent already.  Returns how many grants are missing.
uint32_t GrantsFuzz::foresee_look_up(const GrantJob& job, Foreseen& foreseen) {
  uint32_t lacking = 0;
  for (size_t i = 0; i < job.uses.size(); ++i) {
    const bool known =
        persistence_ == Mapper::Persistence::kNegotiated && model_.use(job.uses[i].gref);
    foreseen.states[i] = known ? State::kPersistent : State::kUnmapped;
    if (!known) ++lacking;
  }
  return lacking;
}

void GrantsFuzz::foresee(const Jobs& jobs) {
  foreseen_.assign(jobs.size(), {});
  free_ = pool_.free_pages();
  left_ = host().failing.contains("host_page_alloc") ? 0 : host().pages_left;
  handles_ = host().handles_left;
  uint32_t missing = 0;
  for (size_t j = 0; j < jobs.size(); ++j) {
    foreseen_[j].outcome = Outcome::kMapped;
    const uint32_t lacking = foresee_look_up(*jobs[j], foreseen_[j]);
    // In this millisecond the hypervisor refused fewer than twice as many grants: the
    // mapper does not ask again.
    if (lacking != 0 && refused_ms_ == host().now_ms && lacking > refused_grants_ / 2) {
      foresee_wait(*jobs[j], foreseen_[j], Outcome::kNoHandles);
    } else {
      missing += lacking;
    }
  }
  if (missing == 0) return;
  if (foresee_map(jobs, missing)) return;
  missing = foresee_second_choice(jobs, foresee_give_back(jobs));
  if (missing == 0 || foresee_map(jobs, missing)) return;
  (void)foresee_give_back(jobs);
}

// False when handles ran out.
bool GrantsFuzz::foresee_map(const Jobs& jobs, uint32_t missing) {
  foresee_pages(jobs, missing);
  return foresee_mappings(jobs);
}

// The jobs that lacked handles unmap their grants.  Returns how many handles that frees.
uint32_t GrantsFuzz::foresee_give_back(const Jobs& jobs) {
  uint32_t handles = 0;
  for (size_t j = 0; j < jobs.size(); ++j) {
    Foreseen& foreseen = foreseen_[j];
    if (foreseen.outcome != Outcome::kNoHandles) continue;
    for (const State state : std::span(foreseen.states).first(jobs[j]->uses.size())) {
      if (state == State::kOrdinary) ++handles;
    }
    foresee_wait(*jobs[j], foreseen, Outcome::kNoHandles);
  }
  free_ += handles;
  if (handles_ != UINT32_MAX) handles_ += handles;
  return handles;
}

// Gives `handles` handles to the jobs that lacked some, in order, as far as they are
// enough for a whole job.  Returns how many handles these jobs need.
uint32_t GrantsFuzz::foresee_second_choice(const Jobs& jobs, uint32_t handles) {
  uint32_t missing = 0;
  for (size_t j = 0; j < jobs.size(); ++j) {
    Foreseen& foreseen = foreseen_[j];
    if (foreseen.outcome != Outcome::kNoHandles) continue;
    const uint32_t lacking = foresee_look_up(*jobs[j], foreseen);
    if (lacking <= handles) {
      handles -= lacking;
      missing += lacking;
      foreseen.outcome = Outcome::kMapped;
      continue;
    }
    refused_grants_ = refused_ms_ == host().now_ms ? std::min(refused_grants_, lacking) : lacking;
    refused_ms_ = host().now_ms;
    foresee_wait(*jobs[j], foreseen, Outcome::kNoHandles);
  }
  return missing;
}

bool GrantsFuzz::foresee_mappings(const Jobs& jobs) {
  bool all = true;
  for (size_t j = 0; j < jobs.size(); ++j) {
    Foreseen& foreseen = foreseen_[j];
    if (foreseen.outcome != Outcome::kMapped) continue;
    bool enough = true;
    for (size_t i = 0; i < jobs[j]->uses.size(); ++i) {
      const uint32_t gref = jobs[j]->uses[i].gref;
      if (foreseen.states[i] != State::kUnmapped) continue;
      if (handles_ == 0) {
        enough = false;
        ++free_;
        continue;
      }
      if (!foresee_mapping(*static_cast<const Job*>(jobs[j]), gref)) {
        foreseen.outcome = Outcome::kFailed;
        ++free_;
        continue;
      }
      if (handles_ != UINT32_MAX) --handles_;
      const bool stays =
          persistence_ == Mapper::Persistence::kNegotiated &&
          !(host().failing.contains("host_alloc") && model_.count() < limits_.max_grants) &&
          model_.enter(gref, limits_);
      foreseen.states[i] = stays ? State::kPersistent : State::kOrdinary;
    }
    if (enough || foreseen.outcome == Outcome::kFailed) continue;
    foreseen.outcome = Outcome::kNoHandles;
    all = false;
  }
  return all;
}

// Takes pages from the pool, and the missing ones from the host.  For some time after a
// refusal the host is asked for at most half as many as it refused.
bool GrantsFuzz::foresee_get(uint32_t wanted) {
  if (wanted <= free_) {
    free_ -= wanted;
    return true;
  }
  const uint32_t asked = wanted - free_;
  const bool dry = host().now_ms < dry_until_ms_;
  if (dry && asked > dry_pages_ / 2) return false;
  if (asked <= left_) {
    left_ -= asked;
    free_ = 0;
    if (!dry) dry_ms_ = 0;
    return true;
  }
  if (dry) {
    dry_pages_ = std::min(dry_pages_, asked);
  } else {
    dry_ms_ = dry_ms_ == 0 ? 10 : std::min(dry_ms_ * 2, 640u);
    dry_until_ms_ = host().now_ms + dry_ms_;
    dry_pages_ = asked;
  }
  return false;
}

// Takes the pages of all jobs at once, or job by job when there are not enough.
void GrantsFuzz::foresee_pages(const Jobs& jobs, uint32_t missing) {
  if (foresee_get(missing)) return;
  for (size_t j = 0; j < jobs.size(); ++j) {
    if (foreseen_[j].outcome != Outcome::kMapped) continue;
    uint32_t wanted = 0;
    for (size_t i = 0; i < jobs[j]->uses.size(); ++i) {
      if (foreseen_[j].states[i] == State::kUnmapped) ++wanted;
    }
    if (!foresee_get(wanted)) {
      foresee_wait(*jobs[j], foreseen_[j], Outcome::kNoPages);
    }
  }
}

bool GrantsFuzz::foresee_mapping(const Job& job, uint32_t gref) const {
  if (host().failing.contains("host_grant_map")) return false;
  const auto grant = host().grants.find(gref);
  if (grant == host().grants.end() || grant->second.status != 0) return false;
  const bool read_only = job.map_read_only && persistence_ == Mapper::Persistence::kOff;
  return read_only || !grant->second.read_only;
}

void GrantsFuzz::compare(const Jobs& jobs) {
  for (size_t j = 0; j < jobs.size(); ++j) {
    require(jobs[j]->outcome == foreseen_[j].outcome, "the outcome is the model's");
    for (size_t i = 0; i < jobs[j]->uses.size(); ++i) {
      const GrantUse& use = jobs[j]->uses[i];
      require(use.state == foreseen_[j].states[i], "each grant is mapped as the model says");
      if (use.state == State::kUnmapped) {
        require(use.page == nullptr, "what is not mapped has no page");
        continue;
      }
      require(use.page->mapped == guest_.page(use.gref), "the page is that of the grant");
      require(!use.page->read_only || jobs[j]->map_read_only, "reads need to write");
      if (use.state == State::kPersistent) {
        require(use.persistent->gref() == use.gref, "the persistent grant is the right one");
        require(!use.page->read_only, "what stays mapped serves reads and writes");
      }
    }
  }
}

void GrantsFuzz::check_counts() {
  require(mapper_.persistent().count() == model_.count(), "as many grants as in the model");
  size_t ordinary = 0;
  for (const auto& job : jobs_) {
    for (const GrantUse& use : job->uses) {
      if (use.state == State::kOrdinary) ++ordinary;
    }
  }
  size_t purging = 0;
  for (const host_page* page : purging_) {
    if (!page->lost) ++purging;
  }
  require(host().handles.size() - host().lost_pages == model_.count() + ordinary + purging,
          "each mapping is somebody's");
  const auto& counters = mapper_.counters();
  require(counters.lost_pages.get() + purger_.counters().lost_pages.get() == host().lost_pages,
          "lost pages are counted");
}

}  // namespace fuzz
