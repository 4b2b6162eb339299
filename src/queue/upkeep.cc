// SPDX-License-Identifier: GPL-2.0
#include "queue/upkeep.h"

#include "host/log.h"

namespace blkback {

void Upkeep::run(const Pass& pass, bool idle) {
  done_ms_ = pass.now_ms;
  look_at_size();
  const bool squeezed = pass.now_ms < shared_.squeeze_until_ms.load(std::memory_order_relaxed);
  const Account& account = shared_.pool.account();
  const bool over = account.over();
  const uint32_t keep = squeezed || over ? 0 : pass.parameters.max_buffer_pages;
  if (shared_.pool.free_pages() > keep) shared_.pool.shrink_free_pagepool(keep);
  if (account.tight()) (void)shared_.pool.shrink_to_floor();
  if (squeezed || over || idle) resources_.trim_blocks(squeezed || over);
  resources_.trim_private_pages(squeezed || over, shortage_.limits(pass), pass.now_ms);
  resources_.purge_due(shortage_.limits(pass), pass.now_ms);
  if (over) resources_.purge_for(account.excess());
  shortage_.give_back_when_asked(pass.now_ms);

  if (pass.parameters.log_stats == 0) {
    // Log at once when log_stats is set again, also without a new request.
    logged_ms_ = 0;
    logged_requests_ = 0;
  } else if (logged_ms_ == 0 || pass.now_ms - logged_ms_ >= kLogIntervalMs) {
    log_statistics(pass);
  }
}

// A disk may change its size without a uevent.  A busy ring notices the change in its next
// pass and schedules the owner once for each new size.
void Upkeep::look_at_size() {
  const uint64_t sectors = shared_.vbd.sectors();
  const uint64_t published = shared_.vbd.published_sectors();
  if (sectors == published || published == Vbd::kNothing) {
    size_seen_ = 0;
  } else if (sectors != size_seen_) {
    size_seen_ = sectors;
    host_work_schedule(&shared_.owner, 0);
  }
}

void Upkeep::log_statistics(const Pass& pass) {
  logged_ms_ = pass.now_ms;
  const uint64_t requests = counters_.reads.get() + counters_.writes.get() +
                            counters_.flushes.get() + counters_.discards.get();
  if (requests == logged_requests_) return;
  logged_requests_ = requests;
  const auto number = [](const Counter& counter) {
    return static_cast<unsigned long long>(counter.get());
  };
  Mapper& mapper = resources_.mapper();
  const GrantCounters& grants = mapper.counters();
  const GrantCounters& purges = resources_.purger().counters();
  host_log(HOST_LOG_INFO,
           "(%s): oo %llu | rd %llu | wr %llu | f %llu | ds %llu | errors %llu | pg: %u/%u | "
           "pool: %u/%u | map %llu calls %llu grants | unmap %llu calls %llu grants | "
           "copy %llu calls %llu grants",
           log_.name, number(counters_.out_of_resources), number(counters_.reads),
           number(counters_.writes), number(counters_.flushes), number(counters_.discards),
           number(counters_.errors), mapper.persistent().count(),
           pass.parameters.max_persistent_grants, shared_.pool.free_pages(),
           pass.parameters.max_buffer_pages, number(grants.map_calls), number(grants.mapped),
           number(grants.unmap_calls) + number(purges.unmap_calls),
           number(grants.unmapped) + number(purges.unmapped), number(resources_.copies().calls),
           number(resources_.copies().grants));
}

}  // namespace blkback
