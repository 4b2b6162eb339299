// SPDX-License-Identifier: GPL-2.0
#include "device/thread_nodes.h"

#include <algorithm>

#include "base/result.h"
#include "host/log.h"
#include "host/parameter.h"

namespace blkback {

namespace {

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
  for (uint32_t queues = 0; queues < HOST_STORE_MOST_QUEUES; ++queues) {
    char name[32];
    (void)host_format(name, sizeof(name), HOST_STORE_QUEUE "/" HOST_STORE_THREAD, queues);
    const Result<bool> found = exists(device, name);
    BLKBACK_RETURN_ERROR(found);
    if (!*found) return queues;
  }
  return HOST_STORE_MOST_QUEUES;
}

// Removes the folders of that many queues.  The last ones first: after a failure, a later look
// finds the others.
int remove_queues(host_device* device, uint32_t queues) {
  while (queues > 0) {
    char name[32];
    (void)host_format(name, sizeof(name), HOST_STORE_QUEUE, --queues);
    const int error = host_store_remove(device, name);
    if (error != 0) return error;
  }
  return 0;
}

// Removes the nodes that an earlier connection or another module has left.
int remove_leftovers(host_device* device) {
  const Result<bool> found = exists(device, HOST_STORE_THREAD);
  if (!found) return found.error().number;
  if (*found) {
    const int error = host_store_remove(device, HOST_STORE_THREAD);
    if (error != 0) return error;
  }
  const Result<uint32_t> queues = queues_named(device);
  return queues ? remove_queues(device, *queues) : queues.error().number;
}

// The toolstack's programs run in the initial domain, and so must the threads.
bool names_threads() {
  host_parameters parameters{};
  host_parameters_read(&parameters);
  return parameters.initial_domain != 0;
}

void log_failure(host_device* device, LogLimits& log, int error) {
  // The directory is gone, or another device's: there is nothing to tell anybody.
  if (error == 0 || error == -kEnoEnt || error == -kEnoDev) return;
  host_log_limited(&log.life, HOST_LOG_WARNING,
                   "%s: removing the nodes with the numbers of rings' threads that have ended "
                   "from xenstore: error %d",
                   host_device_name(device), error);
}

}  // namespace

bool ThreadNodes::prepare(host_device* device, LogLimits& log) {
  if (!names_threads()) return false;
  const int error = remove_leftovers(device);
  log_failure(device, log, error);
  return error == 0;
}

std::span<const host_store_node> ThreadNodes::with_those_of(
    const Connection& connection, std::span<const host_store_node> nodes) {
  const uint32_t queues = connection.queues();
  const auto others = static_cast<uint32_t>(nodes.size());
  names_ = OwnedArray<Name>::create(queues);
  nodes_ = OwnedArray<host_store_node>::create(others + queues);
  if (names_.empty() || nodes_.empty()) return nodes;
  std::ranges::copy(nodes, nodes_.all().begin());
  for (uint32_t i = 0; i < queues; ++i) {
    Name& name = names_[i];
    if (queues == 1) {
      (void)host_format(name.text, sizeof(name.text), HOST_STORE_THREAD);
    } else {
      (void)host_format(name.text, sizeof(name.text), HOST_STORE_QUEUE "/" HOST_STORE_THREAD, i);
    }
    nodes_[others + i] = {name.text, connection.thread_pid(i)};
  }
  return nodes_.all();
}

void ThreadNodes::remove(host_device* device, const Connection& connection, LogLimits& log) {
  if (!names_threads()) return;
  const uint32_t queues = connection.queues();
  log_failure(
      device, log,
      queues == 1 ? host_store_remove(device, HOST_STORE_THREAD) : remove_queues(device, queues));
}

}  // namespace blkback
