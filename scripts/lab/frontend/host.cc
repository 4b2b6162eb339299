// SPDX-License-Identifier: GPL-2.0
#include "host.h"

#include <poll.h>
#include <time.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>
}

namespace frontend {

void die(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::fputs("FAILED: ", stdout);
  std::vprintf(format, arguments);
  std::fputs("\n", stdout);
  va_end(arguments);
  std::fflush(stdout);
  // Not exit(): what is shared stays as it is until the kernel takes it back.
  _Exit(1);
}

double now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

Store::Store() : handle_(xs_open(0)) {
  if (handle_ == nullptr) die("opening xenstore: %s", std::strerror(errno));
}

Store::~Store() { xs_close(handle_); }

std::optional<std::string> Store::read(const std::string& path) const {
  unsigned int length;
  void* value = xs_read(handle_, XBT_NULL, path.c_str(), &length);
  if (value == nullptr) return std::nullopt;
  std::string text(static_cast<char*>(value), length);
  std::free(value);
  return text;
}

void Store::write(const std::string& path, const std::string& value) const {
  if (!xs_write(handle_, XBT_NULL, path.c_str(), value.data(),
                static_cast<unsigned>(value.size()))) {
    die("writing %s: %s", path.c_str(), std::strerror(errno));
  }
}

void Store::remove(const std::string& path) const {
  if (!xs_rm(handle_, XBT_NULL, path.c_str()) && errno != ENOENT) {
    die("removing %s: %s", path.c_str(), std::strerror(errno));
  }
}

namespace {
xengntshr_handle* sharing() {
  static xengntshr_handle* const handle = xengntshr_open(nullptr, 0);
  if (handle == nullptr) die("opening gntalloc: %s", std::strerror(errno));
  return handle;
}
}  // namespace

Pages::Pages(uint32_t domain, uint32_t count, bool writable) : grefs_(count) {
  base_ = static_cast<uint8_t*>(xengntshr_share_pages(sharing(), domain, static_cast<int>(count),
                                                      grefs_.data(), writable ? 1 : 0));
  if (base_ == nullptr) die("sharing %u pages: %s", count, std::strerror(errno));
  std::memset(base_, 0, count * 4096ul);
}

Pages::~Pages() { xengntshr_unshare(sharing(), base_, count()); }

Channel::Channel(uint32_t domain) : handle_(xenevtchn_open(nullptr, 0)) {
  if (handle_ == nullptr) die("opening evtchn: %s", std::strerror(errno));
  const xenevtchn_port_or_error_t port = xenevtchn_bind_unbound_port(handle_, domain);
  if (port < 0) die("binding an event channel: %s", std::strerror(errno));
  port_ = static_cast<uint32_t>(port);
}

Channel::~Channel() { xenevtchn_close(handle_); }

void Channel::notify() {
  if (xenevtchn_notify(handle_, port_) != 0) die("notifying: %s", std::strerror(errno));
}

bool Channel::wait(double seconds) {
  pollfd descriptor{xenevtchn_fd(handle_), POLLIN, 0};
  if (poll(&descriptor, 1, seconds > 0 ? static_cast<int>(seconds * 1000) : 0) <= 0) return false;
  const xenevtchn_port_or_error_t port = xenevtchn_pending(handle_);
  if (port < 0) die("reading events: %s", std::strerror(errno));
  if (xenevtchn_unmask(handle_, static_cast<evtchn_port_t>(port)) != 0) {
    die("unmasking: %s", std::strerror(errno));
  }
  return true;
}

}  // namespace frontend
