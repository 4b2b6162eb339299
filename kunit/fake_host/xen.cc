// SPDX-License-Identifier: GPL-2.0
// Event channels, xenstore, parameters and log of the fake host.
#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "fake_host/fake_host.h"
#include "host/log.h"

using fake::Host;
using fake::host;

namespace {

std::string format_text(const char* format, va_list arguments) {
  char text[512];
  std::vsnprintf(text, sizeof(text), format, arguments);
  return text;
}

// The core must not use a device that it has released.
void in_use(const host_device* device) {
  if (device->released) Host::broken("a device is used after its release");
}

// Takes the gate to xenstore.  Returns true if the device is removed: the gate is closed.
bool too_late(host_device* device) {
  in_use(device);
  (void)host().locks.wait_for(fake::Lock::kGate);
  if (device->removed) ++device->too_late;
  return device->removed;
}

bool waits_for_us(const host_device& device) {
  const auto state = device.frontend.find("state");
  return state != device.frontend.end() && (state->second == "3" || state->second == "4");
}

// "Closed" tells the frontend that none of its memory is mapped any more.
void check_closed(const host_device* device) {
  for (const auto& [handle, page] : host().handles) {
    if (page->domid == device->domid && !page->lost) {
      Host::broken("Closed is published while a grant is mapped");
    }
  }
  for (const auto& [address, ring] : host().rings) {
    if (ring.device->key == device->key) {
      Host::broken("Closed is published while a ring is mapped");
    }
  }
}

}  // namespace

void Host::event(uint32_t port) {
  const auto entry = channels.find(port);
  if (entry == channels.end()) return;
  host_event_channel& channel = *entry->second;
  if (channel.masked) {
    channel.pending = true;
    return;
  }
  channel.masked = true;
  const Elsewhere other_cpu;
  ++interrupts;
  driver_event(channel.queue);
  --interrupts;
}

extern "C" {

int host_event_bind(host_device*, uint32_t port, driver_queue* queue,
                    host_event_channel** channel) {
  host().cross_work();
  host().may_sleep("host_event_bind");
  if (port == 0 || host().channels.contains(port)) return -EINVAL;
  if (host().fails("host_event_bind")) return -ENOSPC;  // as Xen without a free port
  *channel = new host_event_channel{queue, port};
  host().channels[port] = *channel;
  if (host().event_at_bind) host().event(port);
  return 0;
}

void host_event_unbind(host_event_channel* channel) {
  host().may_sleep("host_event_unbind");
  host().channels.erase(channel->port);
  delete channel;
}

void host_event_notify(host_event_channel* channel) {
  if (!host().channels.contains(channel->port)) Host::broken("notify on an unbound channel");
  ++host().notifications;
  host().visible.push_back(fake::Visible::kNotify);
}

void host_event_eoi(host_event_channel* channel, uint8_t spurious) {
  host().cross();
  if (!channel->masked) Host::broken("end of interrupt without an interrupt");
  channel->masked = false;
  ++host().eois;
  if (spurious != 0) ++host().spurious_eois;
  if (!channel->pending) return;
  channel->pending = false;
  host().event(channel->port);
}

int host_store_read(host_device* device, host_store_side side, const char* name, char* text,
                    size_t bytes) {
  host().cross_work();
  host().may_sleep("host_store_read");
  // After a failure nothing is said about the text.
  std::memset(text, '?', bytes);
  text[bytes - 1] = '\0';
  ++device->reads;
  if (too_late(device)) return -ENODEV;
  if (host().fails("host_store_read")) return host().error_of("host_store_read", -EIO);
  const auto& directory = side == HOST_STORE_BACKEND ? device->backend : device->frontend;
  const auto node = directory.find(name);
  if (node == directory.end()) return -ENOENT;
  if (node->second.size() >= bytes || node->second.find('\0') != std::string::npos) return -E2BIG;
  std::memcpy(text, node->second.c_str(), node->second.size() + 1);
  return 0;
}

int host_store_resize(host_device* device, uint64_t sectors) {
  host().cross_work();
  host().may_sleep("host_store_resize");
  if (too_late(device)) return -ENODEV;
  if (host().fails("host_store_resize")) return host().error_of("host_store_resize", -EIO);
  const auto state = device->backend.find("state");
  if (state == device->backend.end()) return -ENOENT;
  if (state->second != std::to_string(HOST_XENBUS_CONNECTED)) return -EBUSY;
  device->backend["sectors"] = std::to_string(sectors);
  device->resizes.push_back(sectors);
  return 0;
}

uint16_t host_device_domid(const host_device* device) {
  in_use(device);
  return device->domid;
}

uint32_t host_device_vdev(const host_device* device) {
  return static_cast<uint32_t>(std::stoul(device->name.substr(device->name.rfind('/') + 1)));
}

uint64_t host_device_key(const host_device* device) { return device->key; }
const char* host_device_name(const host_device* device) { return device->name.c_str(); }

host_xenbus_state host_device_state(const host_device* device) {
  return static_cast<host_xenbus_state>(device->state);
}

int host_device_publish(host_device* device, host_xenbus_state state, const host_store_node* nodes,
                        uint32_t count) {
  host().cross_work();
  host().may_sleep("host_device_publish");
  if (too_late(device)) return -ENODEV;
  // The kernel does not write an unchanged state.
  const bool switches = device->state != static_cast<uint32_t>(state);
  if (!switches && count == 0) return 0;
  if (host().fails("host_device_publish")) return host().error_of("host_device_publish", -ENOSPC);
  if (count != 0 && host().failing.contains("host_device_publish of nodes")) return -ENOSPC;
  if (!device->backend.contains("state")) return -ENOENT;
  if (state == HOST_XENBUS_CONNECTED && !waits_for_us(*device)) return -EBUSY;
  for (uint32_t i = 0; i < count; ++i) {
    device->backend[nodes[i].name] = std::to_string(nodes[i].value);
  }
  if (!switches) return 0;
  if (state == HOST_XENBUS_CLOSED) check_closed(device);
  if (device->at_state) device->at_state(state);
  device->states.push_back(state);
  device->state = state;
  device->backend["state"] = std::to_string(state);
  return 0;
}

int host_store_write(host_device* device, const host_store_node* nodes, uint32_t count) {
  host().cross_work();
  host().may_sleep("host_store_write");
  if (too_late(device)) return -ENODEV;
  if (host().fails("host_store_write")) return host().error_of("host_store_write", -ENOSPC);
  if (!device->backend.contains("state")) return -ENOENT;
  for (uint32_t i = 0; i < count; ++i) {
    device->backend[nodes[i].name] = std::to_string(nodes[i].value);
  }
  return 0;
}

int host_store_remove(host_device* device, const char* name) {
  host().cross_work();
  host().may_sleep("host_store_remove");
  if (too_late(device)) return -ENODEV;
  if (host().fails("host_store_remove")) return host().error_of("host_store_remove", -EIO);
  if (!device->backend.contains("state")) return -ENOENT;
  const std::string removed = name;
  std::erase_if(device->backend, [&removed](const auto& node) {
    return node.first == removed || node.first.starts_with(removed + "/");
  });
  return 0;
}

int host_device_online(host_device* device) {
  host().may_sleep("host_device_online");
  if (too_late(device)) return -ENODEV;
  if (host().fails("host_device_online")) return host().error_of("host_device_online", -EIO);
  const auto online = device->backend.find("online");
  return online != device->backend.end() && online->second == "1" ? 1 : 0;
}

void host_device_error(host_device* device, int, const char* format, ...) {
  if (too_late(device)) return;
  va_list arguments;
  va_start(arguments, format);
  device->errors.push_back(format_text(format, arguments));
  va_end(arguments);
}

int host_device_show(host_device* device) {
  if (too_late(device)) return -ENODEV;
  if (host().fails("host_device_show")) return -ENOMEM;
  device->shown = true;
  return 0;
}

void host_device_release(host_device* device) {
  host().may_sleep("host_device_release");
  // Taken to publish the Closed that an unbind could not publish.
  (void)host().locks.wait_for(fake::Lock::kDeviceLock);
  if (device->released) Host::broken("a device is released twice");
  device->released = true;
}

void host_parameters_read(host_parameters* parameters) {
  host().cross();
  *parameters = host().parameters;
}

void host_log(host_log_level level, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  host().log.push_back({level, nullptr, format_text(format, arguments)});
  va_end(arguments);
}

void host_log_limited(host_log_limit* limit, host_log_level level, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  host().log.push_back({level, limit, format_text(format, arguments)});
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
