// SPDX-License-Identifier: GPL-2.0
// What a queue tells the tracepoints.  Call these only when traced() is true: they are not
// inline, so that a round without listeners does not carry their code.
#pragma once

#include <cstdint>

#include "base/log_limits.h"
#include "queue/slot.h"
#include "request/request.h"

namespace blkback {

// A request was taken from the ring and will be done.
void trace_taken(const RingLog& log, const Request& request);
// An I/O goes to the disk: the request, or a part of it.
void trace_submitted(const RingLog& log, const Slot& slot);
// The request in the slot is about to be answered.
void trace_done(const RingLog& log, const Slot& slot, uint64_t now_ns);
// A request was done without a slot.
void trace_done_at_once(const RingLog& log, const Request& request);
// `requests` requests begin to wait for what the first one lacks.
void trace_shortage(const RingLog& log, const Slot& first, uint32_t requests);

}  // namespace blkback
