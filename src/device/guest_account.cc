// SPDX-License-Identifier: GPL-2.0
#include "device/guest_account.h"

#include "base/result.h"
#include "device/connection.h"
#include "device/text.h"
#include "host/log.h"
#include "host/store.h"

namespace blkback {

namespace {
constexpr const char* kNode = "max-guest-memory-kb";
}

std::optional<uint32_t> read_cap(host_device* device, LogLimits& log) {
  char text[32];
  const int error = host_store_read(device, HOST_STORE_BACKEND, kNode, text, sizeof(text));
  if (error == -kEnoEnt || error == -kEnoDev || (error == 0 && trimmed(text).empty())) {
    return std::nullopt;
  }
  const std::optional<uint32_t> cap = error == 0 ? parse_number(text, 10) : std::nullopt;
  if (!cap) {
    host_log_limited(&log.cap, HOST_LOG_WARNING,
                     "%s: %s is '%s' (error %d): expected a number of KiB; the parameter "
                     "max_guest_memory_kb holds",
                     host_device_name(device), kNode, error == 0 ? text : "", error);
  }
  return cap;
}

void limit_offer(host_parameters& parameters, uint64_t room, bool copies) {
  uint32_t& queues = parameters.max_queues;
  uint32_t& order = parameters.max_ring_page_order;
  const auto fits = [&] {
    return Connection::floor(queues, uint32_t{1} << order, copies) <= room / 2;
  };
  // Small rings cost less speed than few queues.
  while (order != 0 && !fits()) --order;
  while (queues > 1 && !fits()) --queues;
}

}  // namespace blkback
