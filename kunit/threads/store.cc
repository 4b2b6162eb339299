// SPDX-License-Identifier: GPL-2.0
// xenstore, parameters and the log of the host with threads.
#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "host/log.h"
#include "threads/host.h"

using threads::Host;
using threads::host;

namespace {

// Formats a message as the kernel would, so that ThreadSanitizer sees its arguments read.
void spell(const char* format, va_list arguments) {
  char text[512];
  (void)std::vsnprintf(text, sizeof(text), format, arguments);
}

void set_state(host_device* device, uint32_t state) {
  device->state = state;
  if (device->backend.contains("state")) device->backend["state"] = std::to_string(state);
  device->news.notify_all();
}

}  // namespace

extern "C" {

int host_store_read(host_device* device, host_store_side side, const char* name, char* text,
                    size_t bytes) {
  Host::may_sleep("host_store_read");
  const std::lock_guard guard(device->lock);
  if (device->released) Host::broken("a device is used after its release");
  const auto& directory = side == HOST_STORE_BACKEND ? device->backend : device->frontend;
  const auto node = directory.find(name);
  if (node == directory.end()) return -ENOENT;
  if (node->second.size() >= bytes) return -E2BIG;
  std::memcpy(text, node->second.c_str(), node->second.size() + 1);
  return 0;
}

int host_store_resize(host_device* device, uint64_t sectors) {
  Host::may_sleep("host_store_resize");
  const std::lock_guard guard(device->lock);
  if (device->state != HOST_XENBUS_CONNECTED) return -EBUSY;
  device->backend["sectors"] = std::to_string(sectors);
  device->news.notify_all();
  return 0;
}

uint16_t host_device_domid(const host_device* device) { return device->domid; }
uint32_t host_device_vdev(const host_device* device) {
  return static_cast<uint32_t>(std::stoul(device->name.substr(device->name.rfind('/') + 1)));
}
uint64_t host_device_key(const host_device* device) { return device->key; }
const char* host_device_name(const host_device* device) { return device->name.c_str(); }

host_xenbus_state host_device_state(const host_device* device) {
  auto& lock = const_cast<host_device*>(device)->lock;
  const std::lock_guard guard(lock);
  return static_cast<host_xenbus_state>(device->state);
}

int host_device_publish(host_device* device, host_xenbus_state state, const host_store_node* nodes,
                        uint32_t count) {
  Host::may_sleep("host_device_publish");
  const std::lock_guard guard(device->lock);
  if (device->released) Host::broken("a device is used after its release");
  for (uint32_t i = 0; i < count; ++i) {
    device->backend[nodes[i].name] = std::to_string(nodes[i].value);
  }
  set_state(device, state);
  return 0;
}

int host_store_write(host_device* device, const host_store_node* nodes, uint32_t count) {
  Host::may_sleep("host_store_write");
  const std::lock_guard guard(device->lock);
  for (uint32_t i = 0; i < count; ++i) {
    device->backend[nodes[i].name] = std::to_string(nodes[i].value);
  }
  return 0;
}

int host_store_remove(host_device* device, const char* name) {
  Host::may_sleep("host_store_remove");
  const std::lock_guard guard(device->lock);
  const std::string removed = name;
  std::erase_if(device->backend, [&removed](const auto& node) {
    return node.first == removed || node.first.starts_with(removed + "/");
  });
  return 0;
}

int host_device_online(host_device* device) {
  const std::lock_guard guard(device->lock);
  return device->backend["online"] == "1" ? 1 : 0;
}

void host_device_error(host_device* device, int, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  spell(format, arguments);
  va_end(arguments);
  const std::lock_guard guard(device->lock);
  ++device->errors;
}

int host_device_show(host_device*) { return 0; }

void host_device_release(host_device* device) {
  Host::may_sleep("host_device_release");
  if (threads::XenbusLock::held()) {
    Host::broken("a device is released under a lock of xenbus");
  } else {
    // src/linux takes this lock to publish the Closed that an unbind could not publish.
    const threads::XenbusLock lock(device->device_lock);
  }
  const std::lock_guard guard(device->lock);
  if (device->released) Host::broken("a device is released twice");
  device->released = true;
  device->news.notify_all();
}

void host_parameters_read(host_parameters* parameters) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  *parameters = {.max_buffer_pages = host().max_buffer_pages.load(kRelaxed),
                 .max_persistent_grants = host().max_persistent_grants.load(kRelaxed),
                 .persistent_grant_unused_seconds = 1,
                 .max_queues = 4,
                 .max_ring_page_order = 4,
                 .buffer_squeeze_duration_ms = 10,
                 .max_guest_memory_kb = host().max_guest_memory_kb.load(kRelaxed),
                 .grant_copy_bytes = host().grant_copy_bytes.load(kRelaxed),
                 .log_stats = static_cast<uint8_t>(host().log_stats.load(kRelaxed)),
                 .feature_persistent = 1,
                 .x86 = 1,
                 .initial_domain = 1};
}

void host_survey_start(void) {}

void host_log(host_log_level, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  spell(format, arguments);
  va_end(arguments);
}

void host_log_limited(host_log_limit*, host_log_level, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  spell(format, arguments);
  va_end(arguments);
}

int host_format(char* text, size_t bytes, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int length = std::vsnprintf(text, bytes, format, arguments);
  va_end(arguments);
  return std::min(length, static_cast<int>(bytes) - 1);
}

}  // extern "C"
