// SPDX-License-Identifier: GPL-2.0
#include "base/trace.h"
#include "grant/mapper.h"
#include "host/log.h"

namespace blkback {

Result<void> GrantBatch::create(uint32_t capacity) {
  scratch_.reset(host_grant_scratch_alloc(capacity));
  ops_ = OwnedArray<Op>::create(capacity);
  pages_ = OwnedArray<host_page*>::create(capacity);
  if (!scratch_ || ops_.empty() || pages_.empty()) return failure(-kEnoMem);
  return {};
}

void Unmapper::add(host_page* page, uint32_t handle, PagePool& pool, GrantCounters& counters) {
  if (count_ == batch_.capacity()) flush(pool, counters);
  batch_.unmaps()[count_++] = host_grant_unmap_op{
      .page = page, .reserved = 0, .handle = handle, .status = 0, .reserved2 = 0};
}

void Unmapper::flush(PagePool& pool, GrantCounters& counters) {
  if (count_ == 0) return;
  host_grant_unmap(batch_.scratch(), batch_.unmaps(), count_);
  counters.unmap_calls.add(1);
  uint32_t emptied = 0;
  const std::span<host_page*> pages = batch_.pages();
  for (const host_grant_unmap_op& op : std::span(batch_.unmaps(), count_)) {
    if (op.status == 0) {
      pages[emptied++] = op.page;
      continue;
    }
    // The guest's memory may still be mapped in the page: nobody may use the page again.
    counters.lost_pages.add(1);
    host_log_limited(&log_.limits.lost, HOST_LOG_ALERT,
                     "%s: the hypervisor did not unmap grant handle %u: status %d", log_.name,
                     op.handle, op.status);
  }
  counters.unmapped.add(emptied);
  pool.put(pages.first(emptied));
  if (traced(HOST_TRACE_GRANTS)) host_trace_grants(&log_.ring, 0, emptied, 0, pool.free_pages());
  count_ = 0;
}

}  // namespace blkback
