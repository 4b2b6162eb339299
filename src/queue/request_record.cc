// SPDX-License-Identifier: GPL-2.0
#include "queue/request_record.h"

namespace blkback {

uint8_t wire_operation(Operation operation) {
  switch (operation) {
    case Operation::kRead:
      return BLKIF_OP_READ;
    case Operation::kWrite:
      return BLKIF_OP_WRITE;
    case Operation::kFlush:
      return BLKIF_OP_FLUSH_DISKCACHE;
    case Operation::kBarrier:
      return BLKIF_OP_WRITE_BARRIER;
    case Operation::kDiscard:
      break;
  }
  return BLKIF_OP_DISCARD;
}

bool RequestRecord::read(uint64_t now_ns, driver_request_info& info) const {
  const uint64_t taken = taken_ns();
  if (taken == 0) return false;
  const uint64_t submitted = submitted_ns();
  const uint64_t ended = ended_ns();
  const uint64_t until = ended != 0 ? ended : now_ns;
  const driver_request_place with_disk = ended == 0 ? DRIVER_WITH_DISK : DRIVER_BACK_FROM_DISK;
  info = driver_request_info{
      .sector = sector(),
      .sectors = sectors(),
      // A request may have been taken after the reader looked at the clock.
      .age_us = now_ns > taken ? (now_ns - taken) / 1000 : 0,
      .disk_us = submitted != 0 && until > submitted ? (until - submitted) / 1000 : 0,
      .segments = segments(),
      .operation = wire_operation(operation()),
      .place = static_cast<uint8_t>(submitted == 0 ? DRIVER_BEFORE_DISK : with_disk),
      .reserved = 0};
  return taken_ns() == taken;
}

}  // namespace blkback
