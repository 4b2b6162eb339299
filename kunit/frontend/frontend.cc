// SPDX-License-Identifier: GPL-2.0
#include "frontend.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>

namespace frontend {

namespace {
// Each look at a state takes CPU time of dom0, which the backend needs, too.
constexpr useconds_t kPollMicroseconds = 15000;

uint32_t ring_slots(uint32_t pages, uint32_t slot_bytes) {
  const uint32_t fit = (pages * kPageBytes - kHeaderBytes) / slot_bytes;
  uint32_t slots = 1;
  while (slots * 2 <= fit) slots *= 2;
  return slots;
}

void full_barrier() { std::atomic_thread_fence(std::memory_order_seq_cst); }
}  // namespace

Ring::Ring(uint32_t domain, uint32_t pages, const Layout& layout)
    : layout_(layout),
      pages_(domain, pages),
      channel_(std::in_place, domain),
      slots_(ring_slots(pages, layout.slot_bytes)) {
  header()[kReqEvent] = 1;
  header()[kRspEvent] = 1;
}

void Ring::put(const Request& request) {
  if (in_flight() == slots_) die("more than %u requests in a ring", slots_);
  layout_.encode(request, slot(produced_));
  ++produced_;
}

void Ring::put_bytes(const uint8_t* bytes) {
  if (in_flight() == slots_) die("more than %u requests in a ring", slots_);
  volatile uint8_t* to = slot(produced_);
  for (uint32_t i = 0; i < layout_.slot_bytes; ++i) to[i] = bytes[i];
  ++produced_;
}

void Ring::push() {
  const uint32_t before = pushed_;
  push_quietly();
  if (produced_ - header()[kReqEvent] < produced_ - before) notify();
}

void Ring::push_quietly() {
  full_barrier();
  header()[kReqProd] = produced_;
  pushed_ = produced_;
  full_barrier();
}

void Ring::start_at(uint32_t index) {
  produced_ = pushed_ = consumed_ = index;
  for (const Index which : {kReqProd, kRspProd}) header()[which] = index;
  for (const Index which : {kReqEvent, kRspEvent}) header()[which] = index + 1;
}

bool Ring::try_take(Response& response) {
  const uint32_t available = header()[kRspProd];
  full_barrier();
  if (available == consumed_) {
    header()[kRspEvent] = consumed_ + 1;
    full_barrier();
    if (header()[kRspProd] == consumed_) return false;
  }
  response = Layout::decode(slot(consumed_));
  ++consumed_;
  if (consumed_ - 1 == produced_) die("a response to no request");
  return true;
}

Response Ring::take(double seconds) {
  const double end = now() + seconds;
  Response response;
  while (!try_take(response)) {
    if (now() > end) die("no response within %.0f s", seconds);
    pause(end - now());
  }
  return response;
}

Frontend::Frontend(uint32_t vdev) : home_("device/vbd/" + std::to_string(vdev)) {
  const auto backend = store_.read(home_ + "/backend");
  const auto domain = store_.read(home_ + "/backend-id");
  if (!backend || !domain) die("there is no %s", home_.c_str());
  backend_ = *backend;
  domain_ = static_cast<uint32_t>(std::strtoul(domain->c_str(), nullptr, 10));
  // Nodes that another run may have left.
  for (const char* name : {"ring-ref", "ring-page-order", "event-channel", "protocol",
                           "feature-persistent", "multi-queue-num-queues"}) {
    written_.push_back(home_ + "/" + name);
  }
  for (uint32_t i = 0; i < 16; ++i) {
    written_.push_back(home_ + "/ring-ref" + std::to_string(i));
    written_.push_back(home_ + "/queue-" + std::to_string(i));
  }
}

State Frontend::backend_state() const {
  return static_cast<State>(std::atoi(store_.read(backend_ + "/state").value_or("0").c_str()));
}

bool Frontend::wait_backend(State state, double seconds) {
  const double end = now() + seconds;
  while (backend_state() != state) {
    if (now() > end) return false;
    usleep(kPollMicroseconds);
  }
  return true;
}

uint64_t Frontend::property(const std::string& name) const {
  return std::strtoull(store_.read(backend_ + "/" + name).value_or("0").c_str(), nullptr, 10);
}

void Frontend::state(State state) const {
  store_.write(home_ + "/state", std::to_string(static_cast<int>(state)));
}

void Frontend::go(State own, State answer, double seconds) {
  state(own);
  if (!wait_backend(answer, seconds)) {
    die("the backend is in state %d, not %d", backend_state(), answer);
  }
}

// Goes to Initialising and waits for InitWait, as a kernel after a boot loader.
void Frontend::start_over() {
  const State before = backend_state();
  if (before == kConnected || before == kClosing) drop();
  go(kInitialising, kInitWait, 20);
  expect_unmapped("InitWait");
  forget_nodes();
}

void Frontend::settle() {
  // The first of two different answers may be older than our state.  The last one is not.
  go(kClosed, kClosed, 60);
  go(kInitialising, kInitWait, 20);
  drop();
}

void Frontend::expect_unmapped(const char* when) {
  uint32_t mapped = 0;
  for (Pages* pages : Pages::all()) mapped += pages->renew();
  if (mapped != 0) die("at %s %u of our pages are still mapped", when, mapped);
}

void Frontend::forget_nodes() {
  for (const std::string& node : written_) store_.remove(node);
  written_.clear();
}

void Frontend::publish(const std::string& node, const std::string& value) {
  store_.write(node, value);
  written_.push_back(node);
}

void Frontend::share_rings(const Options& options) {
  const Layout layout = Layout::of(options.protocol);
  if (!options.protocol.empty()) write(options, home_ + "/protocol", options.protocol);
  if (options.order >= 0) {
    write(options, home_ + "/ring-page-order", std::to_string(options.order));
  }
  if (options.queues > 1) {
    write(options, home_ + "/multi-queue-num-queues", std::to_string(options.queues));
  }
  write(options, home_ + "/feature-persistent", options.persistent ? "1" : "0");
  const uint32_t pages = options.order > 0 ? 1u << options.order : 1;
  for (uint32_t queue = 0; queue < options.queues; ++queue) {
    const std::string directory =
        options.queues > 1 ? home_ + "/queue-" + std::to_string(queue) : home_;
    rings_.push_back(std::make_unique<Ring>(domain_, pages, layout));
    Ring& ring = *rings_.back();
    if (options.omit_ring_ref) {
      // The backend must notice that the node is missing.
    } else if ((options.order < 0) != options.other_ring_ref) {
      write(options, directory + "/ring-ref", std::to_string(ring.pages().gref(0)));
    } else {
      for (uint32_t i = 0; i < pages; ++i) {
        write(options, directory + "/ring-ref" + std::to_string(i),
              std::to_string(ring.pages().gref(i)));
      }
    }
    write(options, directory + "/event-channel", std::to_string(ring.port()));
  }
}

void Frontend::renew_rings(const Options& options) {
  for (std::unique_ptr<Ring>& ring : rings_) old_rings_.push_back(std::move(ring));
  rings_.clear();
  forget_nodes();
  share_rings(options);
}

void Frontend::begin() {
  start_over();
  forget();
}

bool Frontend::try_connect(const Options& options) {
  begin();
  share_rings(options);
  return finish();
}

bool Frontend::finish() {
  state(kInitialised);
  const double end = now() + 20;
  for (;;) {
    const State backend = backend_state();
    if (backend == kConnected) break;
    if (backend == kClosing || backend == kClosed) return false;
    if (now() > end) die("the backend is in state %d, not 4", backend);
    usleep(kPollMicroseconds);
  }
  state(kConnected);
  return true;
}

void Frontend::connect(const Options& options) {
  if (!try_connect(options)) die("the backend refused to connect");
}

void Frontend::close() {
  go(kClosing, kClosing, 20);
  drop();
}

void Frontend::drop() {
  go(kClosed, kClosed, 60);
  expect_unmapped("Closed");
}

int16_t Frontend::run(Request request, uint32_t index) {
  request.id = next_id();
  Ring& used = ring(index);
  used.put(request);
  used.push();
  const Response response = used.take();
  const uint8_t operation =
      request.operation == kIndirect ? request.indirect_operation : request.operation;
  if (response.id != request.id) {
    die("operation %u: the response has id %llx, not %llx", request.operation,
        static_cast<unsigned long long>(response.id), static_cast<unsigned long long>(request.id));
  }
  if (response.operation != operation) {
    die("operation %u: the response is of operation %u", request.operation, response.operation);
  }
  return response.status;
}

}  // namespace frontend
