// SPDX-License-Identifier: GPL-2.0
#include "host.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

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

namespace {
std::string& place() {
  static std::string text;
  return text;
}
}  // namespace

void set_place(const std::string& text) { place() = text; }

void die(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::printf("FAILED: %s", place().c_str());
  std::vprintf(format, arguments);
  std::fputs("\n", stdout);
  va_end(arguments);
  std::fflush(stdout);
  // Not exit(): no destructor runs, and pages stay granted until the kernel takes them back.
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

std::set<Pages*>& all_pages() {
  static std::set<Pages*> all;
  return all;
}
}  // namespace

KernelLog::KernelLog() : file_(open("/dev/kmsg", O_RDONLY | O_NONBLOCK)) {
  if (file_ < 0 || lseek(file_, 0, SEEK_END) < 0) die("/dev/kmsg: %s", std::strerror(errno));
}

KernelLog::~KernelLog() { close(file_); }

uint32_t KernelLog::still_mapped() {
  char record[8192];
  uint32_t count = 0;
  for (;;) {
    const ssize_t length = read(file_, record, sizeof(record) - 1);
    if (length < 0 && errno == EAGAIN) return count;
    // EPIPE: records were overwritten before we read them.
    if (length < 0) die("/dev/kmsg: %s", std::strerror(errno));
    record[length] = 0;
    // A page is leaked when the kernel has no memory to defer it.
    for (const char* words : {"deferring g.e.", "leaking g.e."}) {
      if (std::strstr(record, words) != nullptr) ++count;
    }
  }
}

const std::set<Pages*>& Pages::all() { return all_pages(); }

Pages::Pages(uint32_t domain, uint32_t count, bool writable)
    : domain_(domain), writable_(writable), grefs_(count) {
  share();
  std::memset(base_, 0, count * 4096ul);
  all_pages().insert(this);
}

Pages::~Pages() {
  all_pages().erase(this);
  const uint32_t mapped = take_back();
  if (mapped != 0) die("%u pages are still mapped when they are given back", mapped);
}

void Pages::revoke() {
  if (revoked()) return;
  (void)take_back();
  base_ = nullptr;
}

uint32_t Pages::take_back() {
  if (revoked()) return 0;
  KernelLog log;
  xengntshr_unshare(sharing(), base_, count());
  return log.still_mapped();
}

void Pages::share() {
  base_ = static_cast<uint8_t*>(xengntshr_share_pages(sharing(), domain_, static_cast<int>(count()),
                                                      grefs_.data(), writable_ ? 1 : 0));
  if (base_ == nullptr) die("sharing %u pages: %s", count(), std::strerror(errno));
}

uint32_t Pages::renew() {
  if (revoked()) return 0;
  const std::vector<uint8_t> data(base_, base_ + count() * 4096ul);
  const uint32_t mapped = take_back();
  share();
  std::memcpy(base_, data.data(), data.size());
  return mapped;
}

SelfMapped::SelfMapped() : grants_(xengnttab_open(nullptr, 0)) {
  if (grants_ == nullptr) die("opening gntdev: %s", std::strerror(errno));
  const Store store;
  const auto domain = static_cast<uint32_t>(std::atoi(store.read("domid").value_or("-1").c_str()));
  page_ = std::make_unique<Pages>(domain, 1);
  mapping_ = xengnttab_map_grant_ref(grants_, domain, page_->gref(0), PROT_READ | PROT_WRITE);
  if (mapping_ == nullptr) die("mapping a grant of our own: %s", std::strerror(errno));
}

SelfMapped::~SelfMapped() {
  xengnttab_unmap(grants_, mapping_, 1);
  xengnttab_close(grants_);
}

void check_kernel_log() {
  SelfMapped planted;
  const uint32_t mapped = planted.page().renew();
  if (mapped != 1) die("the kernel tells of %u mapped pages, not of the one planted", mapped);
}

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
