// SPDX-License-Identifier: GPL-2.0
#include "device/registry.h"

#include <new>

#include "device/device.h"
#include "host/log.h"
#include "host/parameter.h"
#include "host/survey.h"
#include "host/time.h"

namespace blkback {

namespace {

// The only global object of the core.  Modules run no constructors of global objects, so
// create() constructs it, before anything else of the core runs.
// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
alignas(Registry) constinit unsigned char storage[sizeof(Registry)] = {};
constinit Registry* registry = nullptr;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

}  // namespace

void Registry::create() { registry = ::new (static_cast<void*>(storage)) Registry(); }

Registry& Registry::get() { return *registry; }

GuestAccount& Registry::join(Owned<GuestAccount>& fresh) {
  const SpinGuard guard(lock_);
  GuestAccount* account = accounts_.front();
  while (account != nullptr && account->domid != fresh->domid) account = accounts_.next(*account);
  if (account == nullptr) {
    account = fresh.release();
    accounts_.push_back(*account);
    set_cap_locked(*account);
  }
  ++account->devices;
  return *account;
}

void Registry::leave(GuestAccount& account) {
  {
    const SpinGuard guard(lock_);
    if (--account.devices != 0) return;
    accounts_.remove(account);
  }
  if (account.used() != 0 || account.beyond() != 0 || account.promised() != 0) {
    host_log(HOST_LOG_ERROR,
             "left over in the memory account of domain %u: %llu bytes, %llu beyond %llu",
             account.domid, static_cast<unsigned long long>(account.used()),
             static_cast<unsigned long long>(account.beyond()),
             static_cast<unsigned long long>(account.promised()));
  }
  Owned<GuestAccount>(&account).reset();
}

void Registry::set_cap_locked(GuestAccount& account) {
  std::optional<uint32_t> cap;
  for (const Device* device = devices_.front(); device != nullptr;
       device = devices_.next(*device)) {
    const std::optional<uint32_t> node = device->cap_node();
    if (&device->account() != &account || !node) continue;
    if (!cap || *cap == 0 || (*node != 0 && *node < *cap)) cap = node;
  }
  if (!cap) {
    host_parameters parameters{};
    host_parameters_read(&parameters);
    cap = parameters.max_guest_memory_kb;
  }
  account.set_cap(*cap == 0 ? Account::kNoCap : uint64_t{*cap} * 1024);
}

void Registry::set_cap_node(Device& device, std::optional<uint32_t> kib) {
  const SpinGuard guard(lock_);
  device.set_cap_node(kib);
  set_cap_locked(device.account());
}

void Registry::relieve_guest(GuestAccount& account) {
  const SpinGuard guard(lock_);
  const uint64_t now_ms = host_time_ms();
  if (now_ms - account.relieved_ms < kGuestReliefIntervalMs) return;
  account.relieved_ms = now_ms;
  for (Device* device = devices_.front(); device != nullptr; device = devices_.next(*device)) {
    if (&device->account() == &account) device->request_relief(Scarce::kPages);
  }
}

void Registry::wake_guest(const GuestAccount& account) {
  const SpinGuard guard(lock_);
  for (Device* device = devices_.front(); device != nullptr; device = devices_.next(*device)) {
    if (&device->account() == &account) device->request_wake();
  }
}

void Registry::add(Device& device) {
  const SpinGuard guard(lock_);
  devices_.push_back(device);
}

void Registry::remove(Device& device) {
  const SpinGuard guard(lock_);
  devices_.remove(device);
  set_cap_locked(device.account());
  // Any other context that schedules this work does so under the lock, or has ended.
  host_work_cancel_nosync(&device);
  for (Device* other = devices_.front(); other != nullptr; other = devices_.next(*other)) {
    if (other->xenbus_key() == device.xenbus_key()) other->schedule();
  }
}

void Registry::request_removal(Device& device) {
  const SpinGuard guard(lock_);
  device.request_removal();
  device.schedule();
}

bool Registry::has_predecessor(const Device& device) {
  const SpinGuard guard(lock_);
  for (const Device* other = devices_.front(); other != nullptr; other = devices_.next(*other)) {
    if (other == &device) return false;  // the list begins with the oldest device
    if (other->xenbus_key() == device.xenbus_key()) return true;
  }
  return false;
}

void Registry::relieve(const Device& device, Scarce wanted) {
  const SpinGuard guard(lock_);
  const uint64_t now_ms = host_time_ms();
  if (now_ms - relieved_ms_ < kReliefIntervalMs) return;
  relieved_ms_ = now_ms;
  for (Device* other = devices_.front(); other != nullptr; other = devices_.next(*other)) {
    // The rings of a device share one pool, so its own pages do not help; handles of its other
    // rings may.
    other->request_relief(other == &device ? Scarce::kHandles : wanted);
  }
}

void Registry::parameters_changed() {
  const SpinGuard guard(lock_);
  for (GuestAccount* account = accounts_.front(); account != nullptr;
       account = accounts_.next(*account)) {
    set_cap_locked(*account);
  }
  for (Device* device = devices_.front(); device != nullptr; device = devices_.next(*device)) {
    device->request_wake();
  }
}

void Registry::disks_changed() {
  const SpinGuard guard(lock_);
  for (Device* device = devices_.front(); device != nullptr; device = devices_.next(*device)) {
    device->schedule();
  }
}

void Registry::disk_changed(uint32_t major, uint32_t minor) {
  const SpinGuard guard(lock_);
  for (Device* device = devices_.front(); device != nullptr; device = devices_.next(*device)) {
    if (device->has_disk(major, minor)) device->schedule();
  }
}

void Registry::connected() {
  {
    const SpinGuard guard(lock_);
    ++connections_;
  }
  host_survey_start();
}

void Registry::disconnected() {
  const SpinGuard guard(lock_);
  --connections_;
}

bool Registry::survey() {
  const uint64_t now_ms = host_time_ms();
  const SpinGuard guard(lock_);
  if (connections_ == 0) return false;
  if (now_ms - surveyed_ms_ < kSurveyIntervalMs) return true;
  surveyed_ms_ = now_ms;
  for (Device* device = devices_.front(); device != nullptr; device = devices_.next(*device)) {
    if (device->needs_look(now_ms)) device->schedule();
  }
  return true;
}

}  // namespace blkback
