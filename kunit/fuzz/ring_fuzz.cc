// SPDX-License-Identifier: GPL-2.0
#include "fuzz/ring_fuzz.h"

#include <algorithm>
#include <string>

#include "fuzz/require.h"

namespace fuzz {

using fake::host;
using kunit::DeviceSetup;
using kunit::Layout;

namespace {

constexpr uint32_t kMostSteps = 200;
constexpr uint32_t kMaxSectors = 512;

}  // namespace

RingFuzz::RingFuzz(Input& input) : input_(input), setup_(read_setup(input)) {
  set_host();
  bench_.emplace(setup_);
  oracle_.emplace();
  oracle_->read_only = setup_.mode[0] == 'r';
  oracle_->discard = !oracle_->read_only && host().geometry.max_discard_sectors >=
                                                host().geometry.logical_block_bytes / 512;
  const kunit::Guest::Right rights[] = {kunit::Guest::Right::kReadWrite,
                                        kunit::Guest::Right::kReadOnly};
  for (uint32_t i = 0; i < kPages; ++i) {
    grefs_.push_back(bench_->guest().grant(rights[i < kPages - 4 ? 0 : 1]));
  }
  watch_rings();
}

RingFuzz::~RingFuzz() = default;

DeviceSetup RingFuzz::read_setup(Input& input) {
  static constexpr std::array<Layout, 3> kLayouts = {Layout::kX86_64, Layout::kX86_32,
                                                     Layout::kNative};
  static constexpr std::array<uint32_t, 4> kIndices = {0, 1, 0xfffffff0, 0x7ffffffe};
  const uint8_t bits = input.byte();
  return {.layout = kLayouts[bits % 3],
          .queues = (bits & 4) != 0 ? 2u : 1u,
          .ring_order = (bits & 8) != 0 ? 1u : 0u,
          .persistent = (bits & 16) != 0,
          .mode = (bits & 32) != 0 ? "r" : "w",
          .first_index = kIndices[bits / 64]};
}

void RingFuzz::set_host() {
  const uint8_t bits = input_.byte();
  host().change_after_read = (bits & 1) != 0;
  host_disk_geometry& disk = host().geometry;
  disk.sectors = 256;
  disk.write_cache = (bits & 2) != 0 ? 1 : 0;
  if ((bits & 4) != 0) {
    disk.max_discard_sectors = 8 + input_.below(32);
    disk.discard_granularity_bytes = 512u << input_.below(5);
    disk.discard_alignment_bytes = 512 * input_.below(8);
    if (input_.flag()) disk.max_secure_discard_sectors = 8;
  }
  if ((bits & 8) != 0) disk.logical_block_bytes = (bits & 128) != 0 ? 1024 : 4096;
  disk.stable_writes = (bits & 64) != 0 ? 1 : 0;
  host().hold_io = (bits & 16) != 0;
  if ((bits & 32) != 0) change_parameters();
  allow_all_rings();
}

// A guest with a small cap is offered fewer queues and pages than the setup has.
void RingFuzz::allow_all_rings() { host().parameters.max_guest_memory_kb = 0; }

void RingFuzz::watch_rings() {
  for (uint32_t i = 0; i < setup_.queues; ++i) {
    oracle_->watch(bench_->guest(i), setup_.layout, setup_.first_index);
  }
}

void RingFuzz::connect() {
  log_at_connect_ = static_cast<uint32_t>(host().log.size());
  require(bench_->connect(), "a frontend that does all right connects");
  host().parameters.max_guest_memory_kb = cap_;
  driver_parameters_changed();
}

void RingFuzz::run() {
  // Requests that an earlier backend has left unanswered.
  for (uint32_t i = input_.below(4); i != 0; --i) put_direct();
  guest().show();
  connect();
  for (uint32_t i = 0; i < kMostSteps && input_.more(); ++i) step();
  end();
}

void RingFuzz::step() {
  switch (input_.below(24)) {
    case 0:
    case 1:
      return put_direct();
    case 2:
      return put_indirect();
    case 3:
      return put_discard();
    case 4:
      return put_raw();
    case 5:
      return scribble_slot();
    case 6:
      return scribble_page();
    case 7:
      return move_index();
    case 8:
    case 9:
      return show_and_kick();
    case 10:
      return guest().show();
    case 11:
      return guest().kick();
    case 12:
    case 13:
      return host().run();
    case 14:
      return host().sleep(input_.byte() * 16u);
    case 15:
      ring_ = (ring_ + 1) % setup_.queues;
      return;
    case 16:
      host().interruption = [this] { disturb(); };
      host().interrupt_at = 1u + input_.byte();
      return;
    case 17:
      return trouble();
    case 18:
      return end_io();
    case 19:
      host().hold_io = !host().hold_io;
      return;
    case 20:
      return hold_page();
    case 21:
      return change_parameters();
    case 22:
      return input_.flag() ? grow_disk() : settle();
    default:
      return reconnect();
  }
}

void RingFuzz::trouble() {
  oracle_->smooth = false;
  switch (input_.below(11)) {
    case 0:
      host().fail_call = 1u + input_.below(32);
      return;
    case 1:
      host().failing.insert("host_page_alloc");
      return;
    case 2:
      host().failing.insert("host_alloc");
      return;
    case 3:
      host().failing.insert("host_grant_map");
      return;
    case 4:
      host().failing.clear();
      return;
    case 5:
      host().pages_left = input_.below(16);
      return;
    case 6: {
      static constexpr std::array<int16_t, 4> kStatuses = {0, -1, -3, -10};
      const auto grant = host().grants.find(gref());
      if (grant != host().grants.end()) grant->second.status = input_.pick(kStatuses);
      return;
    }
    case 7:
      host().sticky_handles.insert(host().next_handle + input_.below(16));
      return;
    case 8:
      host().io_error = host().io_error == 0 ? -5 : 0;
      return;
    case 9:
      host().disk_gone = true;
      driver_disks_changed();
      return;
    default:
      host().handles_left = input_.below(16);
      return;
  }
}

void RingFuzz::end_io() {
  static constexpr std::array<int, 4> kErrors = {0, 0, -5, -95};
  if (host().held.empty()) return;
  const int error = input_.pick(kErrors);
  if (error != 0) oracle_->smooth = false;
  host().complete(input_.byte() % host().held.size(), error);
}

// Lets the storage stack hold a mapped page, so that it must not be unmapped.
void RingFuzz::hold_page() {
  if (host().handles.empty()) return;
  auto mapping = host().handles.begin();
  std::advance(mapping, input_.byte() % host().handles.size());
  if (mapping->second->lost) return;
  mapping->second->busy = true;
  busy_.push_back(mapping->second);
}

void RingFuzz::change_parameters() {
  static constexpr std::array<uint32_t, 4> kNumbers = {1056, 0, 1, 8};
  host_parameters& parameters = host().parameters;
  parameters.max_persistent_grants = input_.pick(kNumbers);
  parameters.max_buffer_pages = input_.pick(kNumbers);
  parameters.persistent_grant_unused_seconds = input_.pick(kNumbers);
  const uint8_t bits = input_.byte();
  parameters.log_stats = bits & 1;
  cap_ = (bits & 2) != 0 ? 1u + 64u * (bits >> 2) : 0;
  parameters.max_guest_memory_kb = cap_;
  parameters.grant_copy_bytes = (bits / 2u & 3u) * 4096;
  driver_parameters_changed();
}

void RingFuzz::grow_disk() {
  host().geometry.sectors = std::min<uint64_t>(host().geometry.sectors + 64, kMaxSectors);
  driver_disks_changed();
}

// Ends all injected failures and all I/O.
void RingFuzz::calm() {
  host().interrupt_at = 0;
  host().fail_call = 0;
  host().failing.clear();
  host().pages_left = UINT32_MAX;
  host().handles_left = UINT32_MAX;
  for (host_page* page : busy_) page->busy = false;
  busy_.clear();
  const bool hold = host().hold_io;
  host().hold_io = false;
  host().complete_all();
  for (uint32_t i = 0; i < setup_.queues; ++i) bench_->guest(i).kick();
  // The pool asks a host without pages again after 640 ms at most (PagePool::kDryMostMs).
  host().sleep(1000);
  host().hold_io = hold;
}

bool RingFuzz::halted(uint32_t ring) const {
  const std::string name = "7.xvda-" + std::to_string(ring) + ": the frontend claims";
  for (size_t i = log_at_connect_; i < host().log.size(); ++i) {
    if (host().log[i].text.starts_with(name)) return true;
  }
  return false;
}

void RingFuzz::settle() {
  calm();
  require(oracle_->outstanding() == 0, "what was taken is answered when nothing is in its way");
  for (uint32_t i = 0; i < setup_.queues; ++i) {
    require(halted(i) || oracle_->next_request(i) == bench_->guest(i).req_prod(),
            "after an event all that is shown is taken");
  }
  require(setup_.persistent || host().handles.size() == host().lost_pages,
          "without persistent grants nothing stays mapped");
}

void RingFuzz::reconnect() {
  oracle_->smooth = false;
  bench_->state(HOST_XENBUS_CLOSING);
  bench_->state(HOST_XENBUS_CLOSED);
  calm();
  require(bench_->backend_state() == HOST_XENBUS_CLOSED, "a closed frontend is let go");
  require(host().handles.size() == host().lost_pages, "closed: no grant is mapped");
  require(host().rings.empty(), "closed: no ring is mapped");
  oracle_->forget_rings();
  bench_->renew_rings();
  watch_rings();
  if (host().disk_gone) {
    host().disk_gone = false;
    driver_disks_changed();
  }
  allow_all_rings();
  bench_->state(HOST_XENBUS_INITIALISING);
  // A disk that was made to fail still fails after a reconnection.
  oracle_->smooth = host().lost_pages == 0 && host().io_error == 0;
  connect();
}

void RingFuzz::end() {
  const uint8_t how = input_.byte();
  if ((how & 1) != 0) settle();
  oracle_->smooth = false;
  if ((how & 2) == 0) {
    bench_->state(HOST_XENBUS_CLOSING);
    bench_->state(HOST_XENBUS_CLOSED);
  } else {
    bench_->remove();
  }
  // A queue that closes fails the requests that wait for pages after 5 s.
  if ((how & 4) != 0) host().sleep(10000);
  calm();
  host().sleep(10000);
  require(oracle_->outstanding() == 0, "closing answers what was taken");
  require(host().handles.size() == host().lost_pages, "at the end no grant is mapped");
  require(host().rings.empty(), "at the end no ring is mapped");
  if (bench_->driver() != nullptr) {
    require(bench_->backend_state() == HOST_XENBUS_CLOSED, "a closed frontend is let go");
    bench_->remove();
  }
  require(bench_->device().released, "a removed device is released");
}

}  // namespace fuzz
