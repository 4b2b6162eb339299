// SPDX-License-Identifier: GPL-2.0
#include "fuzz/grants_fuzz.h"

#include <algorithm>

#include "fuzz/require.h"

namespace fuzz {

using blkback::GrantJob;
using blkback::GrantUse;
using blkback::Mapper;
using blkback::PersistentGrant;
using blkback::PersistentGrantList;
using blkback::PersistentGrants;
using fake::host;
using kunit::Guest;

namespace {

constexpr uint32_t kMostSteps = 300;
constexpr size_t kMostJobs = 16;

}  // namespace

GrantsFuzz::GrantsFuzz(Input& input)
    : input_(input),
      persistence_((input.byte() & 7) == 7 ? Mapper::Persistence::kOff
                                           : Mapper::Persistence::kNegotiated),
      mapper_(7, persistence_, pool_, {"7.xvda-0", log_limits_}),
      purger_(pool_, {"7.xvda-0", log_limits_}) {
  require(mapper_.create().has_value() && purger_.create().has_value(), "creation");
  purger_.set_waiter(&waiter_);
  first_gref_ = guest_.grants(kGrefs - 4);
  for (uint32_t i = 0; i < 4; ++i) (void)guest_.grant(Guest::Right::kReadOnly);
}

GrantsFuzz::~GrantsFuzz() = default;

void GrantsFuzz::run() {
  for (uint32_t i = 0; i < kMostSteps && input_.more(); ++i) {
    step();
    check_counts();
  }
  end();
}

void GrantsFuzz::step() {
  switch (input_.below(16)) {
    case 0:
    case 1:
    case 2:
      return map();
    case 3:
    case 4:
      return release();
    case 5:
      return borrow();
    case 6:
      return give_back();
    case 7:
      return purge_due();
    case 8:
      return purge_idle();
    case 9:
      return run_purger(0);
    case 10:
      return run_purger(input_.byte());
    case 11:
      return run_purger(input_.byte() * 256u);
    case 12:
      return trouble();
    case 13:
      return hold_page();
    case 14:
      return change_limits();
    default:
      return pool_.shrink_free_pagepool(input_.below(16));
  }
}

void GrantsFuzz::map() {
  if (jobs_.size() >= kMostJobs) return;
  const uint8_t bits = input_.byte();
  Jobs batch;
  const size_t first = jobs_.size();
  for (uint32_t i = 0; i <= (bits & 3u); ++i) {
    jobs_.push_back(std::make_unique<Job>());
    Job& job = *jobs_.back();
    const uint8_t shape = input_.byte();
    const uint32_t count = shape % 12;
    job.map_read_only = (shape & 0x80) != 0;
    // Consecutive grefs, so that jobs share grants.
    uint32_t gref = input_.below(kGrefs + 1);
    for (uint32_t g = 0; g < count; ++g) {
      job.grants[g].gref = first_gref_ + gref;
      gref = (shape & 0x40) != 0 ? input_.below(kGrefs + 1) : (gref + 1) % kGrefs;
    }
    job.uses = std::span<GrantUse>(job.grants, count);
    batch.push_back(&job);
  }
  foresee(batch);
  mapper_.map(batch, {.max_grants = limits_.max_grants, .unused_ms = limits_.unused_ms},
              host().now_ms);
  compare(batch);
  // Jobs that got no pages or no handles have nothing mapped: drop them.
  for (size_t i = jobs_.size(); i-- > first;) {
    if (jobs_[i]->outcome != GrantJob::Outcome::kNoPages &&
        jobs_[i]->outcome != GrantJob::Outcome::kNoHandles) {
      continue;
    }
    jobs_.erase(jobs_.begin() + static_cast<ptrdiff_t>(i));
  }
}

void GrantsFuzz::release() {
  if (jobs_.empty()) return;
  const size_t first = input_.byte() % jobs_.size();
  release_jobs(first, std::min<size_t>(1 + input_.below(4), jobs_.size() - first));
}

// Releases those of the jobs whose pages the storage stack does not hold.
void GrantsFuzz::release_jobs(size_t first, size_t count) {
  Jobs batch;
  for (size_t i = first; i < first + count; ++i) {
    bool held = false;
    for (const GrantUse& use : jobs_[i]->uses) held |= use.page != nullptr && use.page->busy;
    require(Mapper::busy(*jobs_[i]) == held, "a job waits for its pages that are held");
    if (held) continue;
    batch.push_back(jobs_[i].get());
    for (const GrantUse& use : jobs_[i]->uses) {
      if (use.state == GrantUse::State::kPersistent) model_.put(use.gref, host().now_ms);
    }
  }
  if (batch.empty()) return;
  mapper_.release(batch, host().now_ms);
  refused_ms_ = 0;
  for (const GrantJob* job : batch) {
    for (const GrantUse& use : job->uses) {
      require(use.state == GrantUse::State::kUnmapped && use.page == nullptr,
              "what is released has nothing");
    }
    std::erase_if(jobs_, [job](const auto& other) { return other.get() == job; });
  }
}

void GrantsFuzz::borrow() {
  const uint32_t gref = first_gref_ + input_.below(kGrefs);
  PersistentGrant* grant = mapper_.persistent().use(gref);
  require((grant != nullptr) == model_.use(gref), "a lookup finds what is there");
  if (grant == nullptr) return;
  require(grant->gref() == gref, "a lookup finds the right grant");
  require(grant->page->mapped == guest_.page(gref), "its page is the guest's");
  borrowed_.push_back(grant);
}

void GrantsFuzz::give_back() {
  if (borrowed_.empty()) return;
  const auto at = borrowed_.begin() + input_.byte() % static_cast<ptrdiff_t>(borrowed_.size());
  model_.put((*at)->gref(), host().now_ms);
  mapper_.persistent().put(**at, host().now_ms);
  borrowed_.erase(at);
}

void GrantsFuzz::purge_due() {
  const PersistentGrants::Limits limits{.max_grants = limits_.max_grants,
                                        .unused_ms = limits_.unused_ms};
  require(mapper_.persistent().due_in_ms(limits, host().now_ms) ==
              model_.due_in_ms(limits_, host().now_ms),
          "the next purge is known");
  PersistentGrantList purged;
  mapper_.persistent().purge_due(limits, host().now_ms, purged);
  hand_over(purged, model_.purge_due(limits_, host().now_ms));
}

void GrantsFuzz::purge_idle() {
  PersistentGrantList purged;
  mapper_.persistent().purge_idle(purged);
  hand_over(purged, model_.purge_idle());
}

void GrantsFuzz::hand_over(PersistentGrantList& purged, const std::vector<uint32_t>& expected) {
  const PersistentGrant* grant = purged.front();
  for (const uint32_t gref : expected) {
    require(grant != nullptr && grant->gref() == gref, "the least recently used go first");
    require(grant->uses == 0, "a grant in use is not purged");
    purging_.push_back(grant->page);
    grant = purged.next(*grant);
  }
  require(grant == nullptr, "no more is purged than has to be");
  waiter_.woken = false;
  purger_.add(purged);
  require(purged.empty(), "the purger takes all");
  require(purger_.idle() == purging_.empty(), "the purger knows what it has to do");
}

void GrantsFuzz::run_purger(uint64_t ms) {
  const bool busy_before = !purging_.empty();
  if (ms == 0) {
    host().run();
  } else {
    host().sleep(ms);
  }
  std::erase_if(purging_, [ms](const host_page* page) {
    // The purger tries a busy page again after 5 ms (Purger::kHeldPageRetryMs).
    return !page->busy && (page->mapped == nullptr || page->lost || ms >= 10);
  });
  require(purger_.idle() == purging_.empty(), "the purger unmaps what nobody holds");
  if (busy_before && purging_.empty()) require(waiter_.woken, "the last one wakes the waiter");
}

void GrantsFuzz::trouble() {
  switch (input_.below(10)) {
    case 0:
      host().failing.insert("host_page_alloc");
      return;
    case 1:
      host().failing.insert("host_alloc");
      return;
    case 2:
      host().failing.insert("host_grant_map");
      return;
    case 3:
      host().failing.clear();
      return;
    case 4:
      host().pages_left = input_.below(16);
      return;
    case 5:
      host().pages_left = UINT32_MAX;
      return;
    case 6: {
      const uint8_t choice = input_.byte();
      host().grants[first_gref_ + choice % kGrefs].status =
          (choice & 0x80) != 0 ? int16_t{0} : int16_t{-3};
      return;
    }
    case 7:
      host().sticky_handles.insert(host().next_handle + input_.below(16));
      return;
    case 8:
      host().handles_left = input_.below(16);
      return;
    default:
      host().handles_left = UINT32_MAX;
      return;
  }
}

void GrantsFuzz::hold_page() {
  if (input_.flag()) {
    for (host_page* page : busy_) page->busy = false;
    busy_.clear();
    return;
  }
  if (host().handles.empty()) return;
  auto mapping = host().handles.begin();
  std::advance(mapping, input_.byte() % host().handles.size());
  if (mapping->second->lost) return;
  mapping->second->busy = true;
  busy_.push_back(mapping->second);
}

void GrantsFuzz::change_limits() {
  static constexpr std::array<uint32_t, 8> kMax = {100, 0, 1, 2, 5, 8, 20, 25};
  static constexpr std::array<uint32_t, 4> kUnused = {60000, 0, 1, 200};
  limits_ = {input_.pick(kMax), input_.pick(kUnused)};
}

void GrantsFuzz::end() {
  host().failing.clear();
  for (host_page* page : busy_) page->busy = false;
  busy_.clear();
  while (!borrowed_.empty()) give_back();
  release_jobs(0, jobs_.size());
  require(jobs_.empty(), "everything can be released");
  purge_idle();
  require(mapper_.persistent().count() == 0, "purged: no grant stays");
  run_purger(50);
  require(purging_.empty(), "everything is unmapped");
  check_counts();
  require(guest_.all_mappings() == host().lost_pages, "the guest has its pages back");
}

}  // namespace fuzz
