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
  info = driver_request_info{
      .sector = sector(),
      .sectors = sectors(),
      // A request may have been taken after the reader looked at the clock.
      .age_us = now_ns > taken ? (now_ns - taken) / 1000 : 0,
      .disk_us = submitted != 0 && now_ns > submitted ? (now_ns - submitted) / 1000 : 0,
      .segments = segments(),
      .operation = wire_operation(operation()),
      .with_disk = submitted != 0 ? uint8_t{1} : uint8_t{0},
      .reserved = 0};
  return taken_ns() == taken;
}

}  // namespace blkback
