// SPDX-License-Identifier: GPL-2.0
// What other contexts may see of a queue while its thread works, or hangs in the submission to
// its disk: values that the thread publishes, and the frontend's indices.
#include "host/time.h"
#include "queue/queue.h"

namespace blkback {

driver_ring_state Queue::state() const {
  if (drained()) return DRIVER_RING_DRAINED;
  switch (order_.load(std::memory_order_relaxed)) {
    case Order::kWait:
      return DRIVER_RING_WAITING;
    case Order::kServe:
      return intake_.halted() ? DRIVER_RING_STOPPED : DRIVER_RING_SERVING;
    case Order::kClose:
      break;
  }
  return DRIVER_RING_CLOSING;
}

void Queue::inspect(driver_ring_info& info, std::span<driver_request_info> requests) const {
  info = driver_ring_info{.state = state(),
                          .slots = ring_.size(),
                          .req_prod = ring_.produced(),
                          .req_cons = ring_.next_index(),
                          .rsp_prod = ring_.written(),
                          .rsp_event = ring_.event_wanted_at(),
                          .requests = slots_.list(host_time_ns(), requests),
                          .with_disk = completions_.in_flight(),
                          .persistent_grants = resources_.persistent_grants(),
                          .private_pages = private_pages(),
                          .stalled_ms = stalled_ms(host_time_ms())};
}

}  // namespace blkback
