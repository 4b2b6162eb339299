// SPDX-License-Identifier: GPL-2.0
#include "grant/mapper.h"
#include "host/log.h"

namespace blkback {

Result<void> Unmapper::create(uint32_t capacity) {
  scratch_.reset(host_grant_scratch_alloc(capacity));
  ops_ = OwnedArray<host_grant_unmap_op>::create(capacity);
  free_ = OwnedArray<host_page*>::create(capacity);
  if (!scratch_ || ops_.empty() || free_.empty()) return failure(-kEnoMem);
  return {};
}

void Unmapper::add(host_page* page, uint32_t handle, PagePool& pool, GrantCounters& counters) {
  if (count_ == ops_.all().size()) flush(pool, counters);
  ops_[count_++] = host_grant_unmap_op{.page = page, .handle = handle, .status = 0, .reserved = {}};
}

void Unmapper::flush(PagePool& pool, GrantCounters& counters) {
  if (count_ == 0) return;
  host_grant_unmap(scratch_.get(), ops_.all().data(), count_);
  counters.unmap_calls.add(1);
  uint32_t emptied = 0;
  for (const host_grant_unmap_op& op : ops_.all().first(count_)) {
    if (op.status == 0) {
      free_[emptied++] = op.page;
      continue;
    }
    // Another domain's memory may still be mapped there: nobody may have it.
    counters.lost_pages.add(1);
    host_log_limited(HOST_LOG_ALERT, "the hypervisor did not unmap grant handle %u: status %d",
                     op.handle, op.status);
  }
  counters.unmapped.add(emptied);
  pool.put(free_.all().first(emptied));
  count_ = 0;
}

}  // namespace blkback
