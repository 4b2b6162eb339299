// SPDX-License-Identifier: GPL-2.0
#include "fuzz/device_fuzz.h"

#include <algorithm>
#include <cstring>

#include "fuzz/require.h"

namespace fuzz {

using fake::host;
using kunit::ask;
using kunit::Guest;
using kunit::Layout;

namespace {

constexpr uint32_t kMostSteps = 200;

constexpr std::array<const char*, 16> kFrontendNodes = {"ring-ref",
                                                        "event-channel",
                                                        "protocol",
                                                        "feature-persistent",
                                                        "ring-page-order",
                                                        "multi-queue-num-queues",
                                                        "device-type",
                                                        "ring-ref0",
                                                        "ring-ref1",
                                                        "queue-0/ring-ref",
                                                        "queue-0/event-channel",
                                                        "queue-1/ring-ref",
                                                        "queue-1/ring-ref0",
                                                        "queue-1/event-channel",
                                                        "queue-0/ring-ref1",
                                                        "state"};

constexpr std::array<const char*, 8> kBackendNodes = {
    "physical-device", "mode", "dev", "online", "discard-enable", "state", "io-cgroup", "sectors"};

constexpr std::array<const char*, 16> kTexts = {
    "0", "1",     "2",       "4294967296", "x86_32-abi", "x86_64-abi", "x86_32-abi2", "cdrom", "w",
    "r", "fe:10", "1@fe:11", "1000:0",     "/dev/sda",   "",           "-1"};

constexpr std::array<const char*, 12> kFallible = {
    "host_alloc",        "host_page_alloc", "host_grant_scratch_alloc", "host_ring_map",
    "host_event_bind",   "host_store_read", "host_device_publish",      "host_store_resize",
    "host_thread_start", "host_disk_open",  "host_disk_sync",           "host_device_show"};

}  // namespace

DeviceFuzz::DeviceFuzz(Input& input) : input_(input) {
  host().geometry.sectors = 64;
  const uint8_t bits = input.byte();
  buses_.push_back(std::make_unique<Xenbus>(
      Xenbus::Setup{.domid = 7,
                    .layout = (bits & 1) != 0 ? Layout::kX86_32 : Layout::kX86_64,
                    .queues = (bits & 2) != 0 ? 2u : 1u,
                    .ring_order = (bits & 4) != 0 ? 1u : 0u,
                    .persistent = (bits & 8) != 0}));
  buses_.push_back(std::make_unique<Xenbus>(Xenbus::Setup{
      .domid = 9, .layout = Layout::kNative, .queues = 1, .ring_order = 0, .persistent = true}));
  host().interruption = [this] { disturb(); };
  host().work_interruption = [this] { disturb(); };
  if ((bits & 16) != 0) return;
  // A short cut to deep states: the device starts bound, and connected unless the input
  // says otherwise.
  bus().mend_backend();
  bus().bind(Xenbus::By::kWatchThread);
  bus().offer();
  if ((bits & 32) != 0) return;
  bus().frontend_state(HOST_XENBUS_INITIALISED);
  host().run();
  require(bus().device().state == HOST_XENBUS_CONNECTED, "a good frontend is connected");
}

DeviceFuzz::~DeviceFuzz() = default;

void DeviceFuzz::run() {
  for (uint32_t i = 0; i < kMostSteps && input_.more(); ++i) step();
  end();
}

void DeviceFuzz::step() {
  switch (input_.below(20)) {
    case 0:
    case 1:
      return next_state();
    case 2:
      return bus().offer();
    case 3:
      return event();
    case 4:
      return write_frontend();
    case 5:
      return write_backend();
    case 6:
      which_ = 1 - which_;
      return;
    case 7:
      bus().unbind(Xenbus::By::kAdministrator);
      return;
    case 8:
      bus().bind(Xenbus::By::kAdministrator);
      return;
    case 9:
    case 10:
      return host().run();
    case 11:
      (void)host().run_once();
      return;
    case 12:
      return host().sleep(input_.byte() * 64u);
    case 13:
      return do_io();
    case 14:
      return end_io();
    case 15:
      return trouble();
    case 16:
      return change_disk();
    case 17:
      return change_parameters();
    case 18:
      (input_.flag() ? host().interrupt_at : host().work_interrupt_at) = 1 + input_.below(64);
      return;
    default:
      bus().mend_backend();
      return;
  }
}

void DeviceFuzz::disturb() {
  switch (input_.below(6)) {
    case 0:
      next_state();
      break;
    case 1:
      event();
      break;
    case 2:
      end_io();
      break;
    case 3:
      write_frontend();
      break;
    case 4:
      do_io();
      break;
    default:
      bus().unbind(Xenbus::By::kWatchThread);
      break;
  }
  if (input_.flag()) host().work_interrupt_at = 1 + input_.below(16);
}

void DeviceFuzz::event() {
  bus().check_statistics();
  switch (input_.below(6)) {
    case 0:
      return bus().state_watch();
    case 1:
      return bus().renew_rings();
    case 2:
      host().event_at_bind = !host().event_at_bind;
      return;
    case 3:
      return driver_disks_changed();
    case 4:
      return driver_parameters_changed();
    default:
      if (bus().bound()) driver_reclaim_memory(bus().device().driver);
      return;
  }
}

std::string DeviceFuzz::text() {
  const uint8_t choice = input_.byte();
  if (choice < 0xc0) return kTexts[choice % kTexts.size()];
  if (choice < 0xe0) return std::to_string(bus().guest(choice).ring_ref(0));
  if (choice < 0xf0) return std::to_string(bus().guest(choice).port());
  std::string value;
  for (uint32_t i = input_.below(80); i != 0; --i)
    value.push_back(static_cast<char>(input_.byte()));
  return value;
}

void DeviceFuzz::write_frontend() {
  const char* name = input_.pick(kFrontendNodes);
  if (input_.flag()) {
    bus().frontend().erase(name);
  } else {
    bus().frontend()[name] = text();
  }
}

void DeviceFuzz::write_backend() {
  const char* name = input_.pick(kBackendNodes);
  if (input_.flag()) {
    bus().backend().erase(name);
  } else {
    bus().backend()[name] = text();
  }
  if (std::strcmp(name, "physical-device") == 0) {
    bus().disk_watch();
  } else {
    bus().state_watch();
  }
}

void DeviceFuzz::next_state() {
  const uint8_t choice = input_.byte();
  const uint32_t state = choice < 0xf0 ? choice % 7u : input_.word();
  bus().frontend_state(state);
}

void DeviceFuzz::do_io() {
  const uint8_t bits = input_.byte();
  Guest& guest = bus().guest(bits >> 7);
  const uint64_t id = next_id_++;
  const uint64_t sector = bits & 0x38;
  if ((bits & 7) == 7) {
    guest.req_prod() += input_.byte();
  } else if ((bits & 7) == 6) {
    guest.put(guest.indirect(BLKIF_OP_WRITE, id, sector, guest.grant(), 1));
  } else if ((bits & 7) == 5) {
    guest.put(kunit::DiscardAsk{.id = id, .sector = sector, .sectors = 16});
  } else {
    guest.put(ask(bits & 3, id, sector, {{guest.grant()}}));
  }
  guest.show();
  guest.kick();
}

void DeviceFuzz::end_io() {
  const uint8_t bits = input_.byte();
  if ((bits & 1) != 0) host().hold_io = !host().hold_io;
  if (!host().held.empty()) {
    host().complete((bits >> 3) % host().held.size(), (bits & 6) == 6 ? -5 : 0);
  }
}

void DeviceFuzz::trouble() {
  const uint8_t choice = input_.byte();
  switch (choice & 7) {
    case 0:
    case 1:
      host().fail_call = 1 + input_.below(64);
      return;
    case 2:
      host().failing.insert(input_.pick(kFallible));
      return;
    case 3:
      host().failing.clear();
      return;
    case 4:
      host().open_error = host().open_error == 0 ? -13 : 0;
      return;
    case 5:
      host().sync_error = host().sync_error == 0 ? -5 : 0;
      return;
    case 6:
      host().io_error = host().io_error == 0 ? -5 : 0;
      return;
    default:
      ((choice & 8) != 0 ? host().handles_left : host().pages_left) = choice >> 4;
      return;
  }
}

void DeviceFuzz::change_disk() {
  const uint8_t bits = input_.byte();
  host_disk_geometry& disk = host().geometry;
  if ((bits & 1) != 0) disk.sectors = std::min<uint64_t>(disk.sectors + 8, 128);
  if ((bits & 2) != 0) host().disk_gone = !host().disk_gone;
  if ((bits & 4) != 0) disk.max_discard_sectors = bits >> 4;
  if ((bits & 8) != 0) disk.write_cache ^= 1;
  // The host reports some changes; the survey must find the others.
  if ((bits & 16) != 0) {
    host().survey();
  } else {
    driver_disks_changed();
  }
}

void DeviceFuzz::change_parameters() {
  const uint8_t bits = input_.byte();
  host_parameters& parameters = host().parameters;
  parameters.max_queues = 1u + (bits & 1);
  parameters.max_ring_page_order = (bits >> 1) & 1;
  parameters.feature_persistent = (bits >> 2) & 1;
  parameters.max_persistent_grants = (bits & 8) != 0 ? 2 : 1056;
  parameters.max_buffer_pages = (bits & 16) != 0 ? 0 : 1024;
  parameters.log_stats = (bits >> 5) & 1;
  parameters.grant_copy_bytes = (bits & 128) != 0 ? 0 : 16384;
  parameters.persistent_grant_unused_seconds = (bits & 64) != 0 ? 1 : 60;
  driver_parameters_changed();
}

}  // namespace fuzz
