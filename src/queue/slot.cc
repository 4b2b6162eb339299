// SPDX-License-Identifier: GPL-2.0
#include "queue/slot.h"

#include <utility>

namespace blkback {

void Slot::fill(AnswerDuty answer_duty, uint32_t ring_index, const Request& request, const Vbd& vbd,
                uint64_t now_ns) {
  duty = std::move(answer_duty);
  index = ring_index;
  requested = request.operation;
  indirect = request.indirect;
  granted = request.segment_count;
  descriptor_gref = request.descriptor_gref;
  descriptors_unread = request.indirect;
  status = Status::kOkay;
  sectors_left = 0;
  record.begin(request, now_ns);
  fill_io(request, vbd);
  unaligned = false;
  const uint32_t direct = request.indirect ? 0 : request.segment_count;
  for (uint32_t i = 0; i < direct; ++i) {
    direct_grants[i].gref = request.segments[i].gref;
    direct_segments[i].offset = request.segments[i].offset_bytes();
    direct_segments[i].bytes = request.segments[i].bytes();
    unaligned |= !vbd.whole_blocks(request.segments[i]);
  }
  copied = unaligned || (operation == HOST_IO_WRITE && vbd.stable_writes());
}

bool Slot::ends_at_once() const {
  if (error != 0 || requested == Operation::kDiscard || requested == Operation::kBarrier) {
    return false;
  }
  if (bounce != nullptr || (grant_copied && operation == HOST_IO_READ)) return false;
  if (!indirect) return true;
  for (const GrantUse& use : block->grants().first(granted + 1)) {
    if (use.state != GrantUse::State::kPersistent) return false;
  }
  return true;
}

void Slot::fill_io(const Request& request, const Vbd& vbd) {
  disk = vbd.disk();
  sector = request.sector;
  sectors = request.sectors;
  segment_count = request.segment_count;
  flags = 0;
  switch (request.operation) {
    case Operation::kRead:
      operation = HOST_IO_READ;
      break;
    case Operation::kWrite:
      operation = HOST_IO_WRITE;
      break;
    case Operation::kFlush:
    case Operation::kBarrier:
      operation = request.segment_count != 0 ? HOST_IO_WRITE : HOST_IO_FLUSH;
      // Earlier writes become durable first, and this one when it completes.
      flags = HOST_IO_PREFLUSH | HOST_IO_FUA;
      break;
    case Operation::kDiscard:
      // blkif.h of Xen: the flag is ignored where discard-secure is not offered.
      operation =
          request.secure && vbd.offers_secure_discard() ? HOST_IO_SECURE_DISCARD : HOST_IO_DISCARD;
      sectors_left = request.sectors;
      break;
  }
}

uint32_t Slots::list(uint64_t now_ns, std::span<driver_request_info> found) const {
  uint32_t requests = 0;
  for (const Slot& slot : all_.all()) {
    driver_request_info info{};
    if (!slot.record.read(now_ns, info)) continue;
    if (requests < found.size()) found[requests] = info;
    ++requests;
  }
  return requests;
}

Result<void> Slots::create(uint32_t count, Queue& queue) {
  all_ = OwnedArray<Slot>::create(count);
  if (all_.empty()) return failure(-kEnoMem);
  for (Slot& slot : all_.all()) {
    slot.queue = &queue;
    free_.push_back(slot);
  }
  return {};
}

}  // namespace blkback
