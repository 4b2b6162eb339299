// SPDX-License-Identifier: GPL-2.0
#include "device/charge.h"

#include <string_view>

#include "base/result.h"
#include "device/text.h"
#include "host/log.h"
#include "host/store.h"

namespace blkback {

namespace {

constexpr const char* kNode = "io-cgroup";

const char* reason_of(int error) {
  switch (error) {
    case -kEnoEnt:
      return "there is no such cgroup";
    case -kEnxio:
      return "that cgroup has no io controller: cgroup.subtree_control of its parent lacks it, or "
             "cgroup v1 has it";
    case -kEopNotSupp:
      return "not supported: this kernel has no io controller";
    case -kE2big:
      return "that is too long";
    default:
      return "that cgroup cannot be used";
  }
}

// Ends `text` behind its last character that is not blank.  Returns its first one.
const char* trim(char* text) {
  const std::string_view path = trimmed(text);
  const auto begin = static_cast<size_t>(path.data() - text);
  text[begin + path.size()] = '\0';
  return text + begin;
}

void log_failure(host_device* device, LogLimits& log, const char* path, int error) {
  host_log_limited(&log.charge, HOST_LOG_WARNING,
                   "%s: %s is '%s': %s (error %d); the rings' threads are charged",
                   host_device_name(device), kNode, path, reason_of(error), error);
}

}  // namespace

void charge_disk(host_device* device, const Vbd& vbd, LogLimits& log) {
  char text[256];
  const char* path = "";
  int error = host_store_read(device, HOST_STORE_BACKEND, kNode, text, sizeof(text));
  if (error == 0) {
    path = trim(text);
  } else if (error != -kEnoEnt && error != -kEnoDev) {
    log_failure(device, log, "", error);
  }
  if (path[0] == '\0') {
    (void)host_disk_charge(vbd.disk(), nullptr);
    return;
  }
  error = host_disk_charge(vbd.disk(), path);
  if (error != 0) {
    log_failure(device, log, path, error);
    return;
  }
  host_log_limited(&log.charge, HOST_LOG_INFO, "%s: I/O is charged to the cgroup %s",
                   host_device_name(device), path);
}

}  // namespace blkback
