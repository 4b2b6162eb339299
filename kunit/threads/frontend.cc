// SPDX-License-Identifier: GPL-2.0
#include "threads/frontend.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <optional>

#include "support/wire.h"

namespace threads {

namespace {

namespace wire = kunit::wire;
using enum wire::Index;
constexpr uint32_t kSlotBytes = wire::kPadded.slot_bytes;

uint32_t load(const uint32_t* index) { return __atomic_load_n(index, __ATOMIC_ACQUIRE); }
void store(uint32_t* index, uint32_t value) { __atomic_store_n(index, value, __ATOMIC_RELEASE); }

// See host_shared_fence() in memory.cc.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
void fence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
#pragma GCC diagnostic pop

}  // namespace

void Frontend::FreeMemory::operator()(uint8_t* memory) const { std::free(memory); }

Frontend::Frontend(uint32_t port, uint32_t ring_order)
    : ring_pages_(1u << ring_order),
      slots_(wire::slots(ring_pages_ * 4096, wire::kPadded)),
      memory_(
          static_cast<uint8_t*>(std::aligned_alloc(4096, size_t{4096} * (ring_pages_ + slots_)))),
      port_(port),
      ring_ref_(host().next_gref.fetch_add(ring_pages_ + slots_, std::memory_order_relaxed)),
      first_gref_(ring_ref_ + ring_pages_) {
  std::memset(memory_.get(), 0, size_t{4096} * (ring_pages_ + slots_));
  if (first_gref_ + slots_ > kGrants) std::abort();  // the case has too many rings
  for (uint32_t i = 0; i < ring_pages_ + slots_; ++i) {
    host().grants[ring_ref_ + i].memory = memory_.get() + size_t{i} * 4096;
  }
  *index(kReqEvent) = 1;
  *index(kRspEvent) = 1;
}

void Frontend::put(uint64_t id, const Make& make) {
  uint8_t* slot = memory_.get() + wire::kHeaderBytes + size_t{produced_ % slots_} * kSlotBytes;
  ++produced_;
  kunit::RawRequest request = make(id);
  request.id = id;
  kunit::write_slot(slot, kunit::Layout::kX86_64, request);
}

void Frontend::show() {
  const uint32_t before = shown_;
  if (before == produced_) return;
  shown_ = produced_;
  store(index(kReqProd), produced_);
  fence();
  // RING_PUSH_REQUESTS_AND_CHECK_NOTIFY of Xen's ring.h
  if (shown_ - load(index(kReqEvent)) < shown_ - before) host().event(port_);
}

// Asks for an event with the next response and waits for it; false after kPatience.
bool Frontend::wait() {
  store(index(kRspEvent), consumed_ + 1);
  fence();
  if (load(index(kRspProd)) != consumed_) return true;
  Port& port = host().ports[port_];
  std::unique_lock guard(port.guest_lock);
  const bool came =
      port.guest_news.wait_for(guard, kPatience, [&port] { return port.guest_notified; });
  port.guest_notified = false;
  return came;
}

bool Frontend::run(uint64_t count, const Make& make, const Check& check) {
  uint64_t sent = 0;
  uint64_t answered = 0;
  std::vector<bool> waits(count);
  // Requests whose ids are equal modulo slots_ share a page: each is sent after the
  // response to the one before it.
  while (answered != count) {
    while (sent != count && produced_ - consumed_ < slots_ &&
           (sent < slots_ || !waits[sent - slots_])) {
      waits[sent] = true;
      put(sent++, make);
      if (random_below(4) == 0) show();
    }
    show();
    const uint32_t shown = load(index(kRspProd));
    if (shown == consumed_) {
      if (!wait()) return false;
      continue;
    }
    for (; consumed_ != shown; ++consumed_) {
      const uint8_t* slot =
          memory_.get() + wire::kHeaderBytes + size_t{consumed_ % slots_} * kSlotBytes;
      const auto [id, operation, status] = wire::load_response(slot);
      if (id >= count || !waits[id]) return false;
      waits[id] = false;
      ++answered;
      check(id, status);
    }
  }
  return true;
}

void Frontend::abandon(uint64_t count, const Make& make) {
  for (uint64_t id = 0; id < count && id < slots_; ++id) put(id, make);
  show();
}

namespace {

// The locks that xenbus holds when it calls a probe or a removal.
class BusLocks {
 public:
  BusLocks(host_device& device, By by) {
    if (by == By::kWatchThread) watch_.emplace(host().watch_mutex);
    device_.emplace(device.device_lock);
  }

 private:
  std::optional<XenbusLock> watch_;
  std::optional<XenbusLock> device_;
};

}  // namespace

By either() { return random_below(2) == 0 ? By::kWatchThread : By::kAdministrator; }

Device::Device(uint32_t queues, bool persistent, uint64_t key, uint32_t first_port,
               uint32_t ring_order)
    : queues_(queues), first_port_(first_port), ring_order_(ring_order) {
  device_.key = key;
  device_.backend = {{"state", "1"},
                     {"online", "1"},
                     {"physical-device", "fe:10"},
                     {"mode", "w"},
                     {"dev", "xvda"}};
  device_.frontend = {{"protocol", "x86_64-abi"}};
  if (persistent) device_.frontend["feature-persistent"] = "1";
}

Device::~Device() {
  if (driver() != nullptr) remove();
  EXPECT_TRUE(wait_release());
}

bool Device::probe(By by) {
  const BusLocks locks(device_, by);
  if (driver_device_create(&device_, &device_.driver) != 0) {
    const std::lock_guard guard(device_.lock);
    device_.released = true;  // the core never owned it
    return false;
  }
  driver_physical_device_changed(driver());
  return true;
}

// Keeps the old rings: the backend may still have them mapped.
void Device::offer_rings() {
  for (auto& frontend : frontends_) former_frontends_.push_back(std::move(frontend));
  frontends_.clear();
  for (uint32_t i = 0; i < queues_; ++i) {
    frontends_.push_back(std::make_unique<Frontend>(first_port_ + i, ring_order_));
  }
  const std::lock_guard guard(device_.lock);
  auto& nodes = device_.frontend;
  if (queues_ > 1) nodes["multi-queue-num-queues"] = std::to_string(queues_);
  if (ring_order_ != 0) nodes["ring-page-order"] = std::to_string(ring_order_);
  for (uint32_t i = 0; i < queues_; ++i) {
    const std::string directory = queues_ > 1 ? "queue-" + std::to_string(i) + "/" : "";
    for (uint32_t page = 0; page < 1u << ring_order_; ++page) {
      const std::string number = ring_order_ != 0 ? std::to_string(page) : "";
      nodes[directory + "ring-ref" + number] = std::to_string(frontend(i).ring_ref() + page);
    }
    nodes[directory + "event-channel"] = std::to_string(frontend(i).port());
  }
}

bool Device::connect() {
  offer_rings();
  state(HOST_XENBUS_INITIALISED);
  const bool connected = wait_state(HOST_XENBUS_CONNECTED);
  former_frontends_.clear();
  return connected;
}

bool Device::try_connect() {
  offer_rings();
  state(HOST_XENBUS_INITIALISED);
  EXPECT_TRUE(wait_state(HOST_XENBUS_CONNECTED, HOST_XENBUS_CLOSING));
  const std::lock_guard guard(device_.lock);
  return device_.state == HOST_XENBUS_CONNECTED;
}

bool Device::disconnect() {
  state(HOST_XENBUS_CLOSING);
  state(HOST_XENBUS_CLOSED);
  return wait_state(HOST_XENBUS_CLOSED);
}

void Device::state(uint32_t state) {
  const XenbusLock watch(host().watch_mutex);
  driver_frontend_changed(driver(), state);
}

bool Device::wait_state(uint32_t state, uint32_t other) {
  std::unique_lock guard(device_.lock);
  return device_.news.wait_for(guard, kPatience, [this, state, other] {
    return device_.state == state || device_.state == other;
  });
}

void Device::state_changed() {
  const XenbusLock watch(host().watch_mutex);
  driver_state_changed(driver());
}

void Device::physical_device_changed() {
  const XenbusLock watch(host().watch_mutex);
  driver_physical_device_changed(driver());
}

void Device::remove(By by) {
  const BusLocks locks(device_, by);
  driver_device_remove(driver());
  device_.driver = nullptr;
}

bool Device::wait_release() {
  std::unique_lock guard(device_.lock);
  return device_.news.wait_for(guard, kPatience, [this] { return device_.released; });
}

void together(const std::vector<std::function<void()>>& functions) {
  std::atomic<uint32_t> waiting{static_cast<uint32_t>(functions.size())};
  std::vector<std::thread> running;
  for (const auto& function : functions) {
    running.emplace_back([&function, &waiting] {
      waiting.fetch_sub(1, std::memory_order_relaxed);
      while (waiting.load(std::memory_order_relaxed) != 0) std::this_thread::yield();
      function();
    });
  }
  for (std::thread& thread : running) thread.join();
}

}  // namespace threads
