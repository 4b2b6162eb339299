// SPDX-License-Identifier: GPL-2.0
#include "device/thread_nodes.h"

#include <algorithm>

#include "base/result.h"
#include "host/log.h"
#include "host/store.h"

namespace blkback {

namespace {

constexpr const char* kOnlyRing = "kthread-pid";
constexpr uint32_t kMostQueues = 1024;  // no module has ever offered more
// Nodes of one transaction.
constexpr uint32_t kBatch = 16;
using Name = char[32];

Result<bool> exists(host_device* device, const char* name) {
  char text[16];
  const int error = host_store_read(device, HOST_STORE_BACKEND, name, text, sizeof(text));
  if (error == -kEnoEnt) return false;
  // Another program's text may be longer.
  if (error != 0 && error != -kE2big) return failure(error);
  return true;
}

// Returns the number of nodes "queue-N/kthread-pid".
Result<uint32_t> queues_named(host_device* device) {
  for (uint32_t queues = 0; queues < kMostQueues; ++queues) {
    Name name;
    (void)host_format(name, sizeof(name), "queue-%u/%s", queues, kOnlyRing);
    const Result<bool> found = exists(device, name);
    BLKBACK_RETURN_ERROR(found);
    if (!*found) return queues;
  }
  return kMostQueues;
}

int remove_nodes(host_device* device) {
  const Result<bool> found = exists(device, kOnlyRing);
  if (!found) return found.error().number;
  if (*found) {
    const int error = host_store_remove(device, &kOnlyRing, 1);
    if (error != 0) return error;
  }
  // The last ones first: after a failure, the others are found when it is tried again.
  const Result<uint32_t> queues = queues_named(device);
  if (!queues) return queues.error().number;
  uint32_t left = *queues;
  while (left > 0) {
    const uint32_t count = std::min(left, kBatch);
    Name names[kBatch];
    const char* list[kBatch];
    for (uint32_t i = 0; i < count; ++i) {
      (void)host_format(names[i], sizeof(names[i]), "queue-%u", left - 1 - i);
      list[i] = names[i];
    }
    const int error = host_store_remove(device, list, count);
    if (error != 0) return error;
    left -= count;
  }
  return 0;
}

int write_nodes(host_device* device, const Connection& connection) {
  const uint32_t queues = connection.queues();
  if (queues == 1) {
    const host_store_node node{kOnlyRing, connection.thread_pid(0)};
    return host_store_write(device, &node, 1);
  }
  for (uint32_t first = 0; first < queues; first += kBatch) {
    const uint32_t count = std::min(queues - first, kBatch);
    Name names[kBatch];
    host_store_node nodes[kBatch];
    for (uint32_t i = 0; i < count; ++i) {
      (void)host_format(names[i], sizeof(names[i]), "queue-%u/%s", first + i, kOnlyRing);
      nodes[i] = {names[i], connection.thread_pid(first + i)};
    }
    const int error = host_store_write(device, nodes, count);
    if (error != 0) return error;
  }
  return 0;
}

// The directory is gone, or another device's: there is nothing to tell anybody.
bool is_over(int error) { return error == -kEnoEnt || error == -kEnoDev; }

void log_failure(host_device* device, LogLimits& log, const char* what, int error) {
  if (error == 0 || is_over(error)) return;
  host_log_limited(&log.life, HOST_LOG_WARNING,
                   "%s: %s the nodes with the numbers of the rings' threads in xenstore: error %d",
                   host_device_name(device), what, error);
}

}  // namespace

void name_threads(host_device* device, const Connection& connection, LogLimits& log) {
  int error = remove_nodes(device);
  if (error == 0) error = write_nodes(device, connection);
  log_failure(device, log, "writing", error);
  // Some queues' nodes would look as if there were no other queues.
  if (error != 0 && connection.queues() > kBatch && !is_over(error)) (void)remove_nodes(device);
}

void forget_threads(host_device* device, LogLimits& log) {
  log_failure(device, log, "removing", remove_nodes(device));
}

}  // namespace blkback
