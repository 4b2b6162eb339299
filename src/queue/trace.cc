// SPDX-License-Identifier: GPL-2.0
#include "queue/trace.h"

#include "base/trace.h"
#include "queue/request_record.h"
#include "wire/blkif.h"

namespace blkback {
namespace {

host_trace_request describe(const RingLog& log, const Request& request) {
  host_trace_request event{};
  event.ring = log.ring;
  event.id = request.key.id;
  event.sector = request.sector;
  event.bytes = request.sectors * wire::kSectorBytes;
  event.segments = request.segment_count;
  event.operation = wire_operation(request.operation);
  return event;
}

}  // namespace

void trace_taken(const RingLog& log, const Request& request) {
  const host_trace_request event = describe(log, request);
  host_trace_taken(&event);
}

void trace_submitted(const RingLog& log, const Slot& slot) {
  host_trace_request event{};
  event.ring = log.ring;
  event.id = slot.duty.id();
  event.sector = slot.sector;
  event.bytes = slot.sectors * wire::kSectorBytes;
  event.segments = static_cast<uint16_t>(slot.segment_count);
  event.operation = wire_operation(slot.requested);
  host_trace_submitted(&event);
}

void trace_done(const RingLog& log, const Slot& slot, uint64_t now_ns) {
  const RequestTimes times = slot.times();
  host_trace_request event{};
  event.ring = log.ring;
  event.id = slot.duty.id();
  event.sector = slot.record.sector();
  event.bytes = slot.record.sectors() * wire::kSectorBytes;
  event.segments = slot.granted;
  event.operation = wire_operation(slot.requested);
  event.status = static_cast<int16_t>(slot.status);
  event.total_ns = now_ns - times.taken;
  event.disk_ns = times.submitted != 0 ? times.done - times.submitted : 0;
  host_trace_done(&event);
}

void trace_done_at_once(const RingLog& log, const Request& request) {
  const host_trace_request event = describe(log, request);
  host_trace_done(&event);
}

void trace_shortage(const RingLog& log, const Slot& first, uint32_t requests) {
  const bool handles = first.outcome == GrantJob::Outcome::kNoHandles;
  host_trace_stall(&log.ring, handles ? HOST_TRACE_NO_HANDLES : HOST_TRACE_NO_PAGES, requests);
}

}  // namespace blkback
