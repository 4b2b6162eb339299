// SPDX-License-Identifier: GPL-2.0
// Cases about the states that a frontend writes.  A frontend that starts over gets its
// disk, whichever states were written before, and however fast.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <span>
#include <string>

#include "cases.h"
#include "data.h"

namespace frontend {

namespace {

constexpr uint64_t kMark = 0x9000;

// Writes the data that verify() expects.
void write_mark(Frontend& frontend) {
  frontend.connect({});
  Data data(frontend, 1);
  data.fill(kMark);
  EXPECT(frontend.run(data.request(kWrite, 0)) == kOkay, "a write");
}

void verify(Frontend& frontend) {
  Data data(frontend, 1);
  EXPECT(frontend.run(data.request(kRead, 0)) == kOkay, "a read");
  EXPECT(data.holds(kMark), "the data is not what was written");
}

void send_write(Frontend& frontend, Data& data, uint64_t sector) {
  Request request = data.request(kWrite, sector);
  request.id = frontend.next_id();
  frontend.ring().put(request);
  frontend.ring().push();
}

}  // namespace

// As the kernel that kdump starts: Linux' xenbus_reset_frontend() waits at most five
// seconds for each state of the backend and then goes on.  This case waits an eighth of the
// time that a request takes.
void crash_kernel(Frontend& frontend, uint64_t milliseconds) {
  write_mark(frontend);
  const double takes = static_cast<double>(milliseconds) / 1000;
  {
    Data data(frontend, kMaxDirect);
    const double began = now();
    send_write(frontend, data, 4096);
    for (const State state : {kClosing, kClosed, kInitialising}) {
      frontend.state(state);
      usleep(static_cast<useconds_t>(takes / 8 * 1e6));
    }
    EXPECT(now() - began < takes, "the disk answered too early");
    if (!frontend.wait_backend(kInitWait, began + takes + 5 - now())) {
      die("the backend is in state %d, not 2, %.0f s after its disk answered",
          frontend.backend_state(), now() - began - takes);
    }
    std::printf("InitWait after %.1f s, the disk takes %.1f s\n", now() - began, takes);
    // The pages are taken back here: the guest's kernel notices any that is still mapped.
  }
  frontend.connect({});
  verify(frontend);
  frontend.close();
}

// A frontend that does not wait for the backend: the backend sees only the last of its
// states, or no change at all.
void restart(Frontend& frontend, uint64_t rounds) {
  write_mark(frontend);
  Data data(frontend, kMaxDirect);
  for (uint64_t round = 0; round < rounds; ++round) {
    if (round % 2 == 1) send_write(frontend, data, 4096);
    frontend.renew_rings({});
    if (round % 4 < 2) {
      frontend.state(kClosed);
      frontend.state(kInitialising);
    }
    frontend.state(kInitialised);
    // The backend's state may still be that of the old connection: only a response shows
    // that the new one works.
    verify(frontend);
    frontend.state(kConnected);
    usleep(100000);
    verify(frontend);
  }
  std::printf("%llu restarts\n", static_cast<unsigned long long>(rounds));
  frontend.close();
}

namespace {

enum class Load { kIdle, kInFlight };
enum class Pace { kFast, kSlow };

struct Orders {
  Load load;
  Pace pace;
  uint32_t length;
  const char* name;
};

// Requires that the backend settles in the state that the frontend's last state leads to.
void expect_settled(Frontend& frontend, std::span<const State> states) {
  switch (states.back()) {
    case kInitialising:
      EXPECT(frontend.wait_backend(kInitWait, 10), "the backend is in state %d, not 2",
             frontend.backend_state());
      break;
    case kClosed:
      EXPECT(frontend.wait_backend(kClosed, 10), "the backend is in state %d, not 6",
             frontend.backend_state());
      break;
    default:
      break;  // with the old rings the backend may connect or not
  }
  // A state that leads to a connection: the state that we read may be the one before it,
  // while the backend maps the old rings.
  const bool connects = std::any_of(states.begin(), states.end(), [](State state) {
    return state == kInitialised || state == kConnected;
  });
  if (connects) frontend.settle();
}

uint32_t run_orders(Frontend& frontend, Data& data, const Orders& orders) {
  constexpr State kStates[] = {kInitialising, kInitialised, kConnected, kClosing, kClosed};
  uint32_t total = 1, ran = 0;
  for (uint32_t i = 0; i < orders.length; ++i) total *= std::size(kStates);
  for (uint32_t number = 0; number < total; ++number) {
    State states[4];
    bool repeats = false;
    uint32_t rest = number;
    std::string text = orders.name;
    for (uint32_t i = 0; i < orders.length; ++i, rest /= std::size(kStates)) {
      states[i] = kStates[rest % std::size(kStates)];
      repeats = repeats || (i > 0 && states[i] == states[i - 1]);
      text += ' ' + std::to_string(static_cast<int>(states[i]));
    }
    if (repeats) continue;
    std::printf("%s\n", text.c_str());  // names the order for a failure
    if (orders.load == Load::kInFlight) send_write(frontend, data, 4096);
    for (uint32_t i = 0; i < orders.length; ++i) {
      if (i > 0 && orders.pace == Pace::kSlow) usleep(15000);
      frontend.state(states[i]);
    }
    expect_settled(frontend, std::span(states, orders.length));
    frontend.connect({});
    verify(frontend);
    ++ran;
  }
  return ran;
}

}  // namespace

// The frontend is Connected at the start: an order that begins with Connected is one state
// shorter.
void state_orders(Frontend& frontend, uint64_t length) {
  const auto longest = static_cast<uint32_t>(length);
  const Orders all[] = {
      {Load::kIdle, Pace::kFast, longest - 1, "idle, fast:"},
      {Load::kIdle, Pace::kSlow, longest - 1, "idle, slow:"},
      {Load::kInFlight, Pace::kFast, longest, "in flight, fast:"},
      {Load::kInFlight, Pace::kSlow, longest - 1, "in flight, slow:"},
  };
  write_mark(frontend);
  Data data(frontend, kMaxDirect);
  std::string summary;
  for (const Orders& orders : all) {
    const double began = now();
    const uint32_t ran = run_orders(frontend, data, orders);
    char text[64];
    std::snprintf(text, sizeof(text), "%s %u in %.1f s; ", orders.name, ran, now() - began);
    summary += text;
  }
  std::printf("%s\n", summary.c_str());
  frontend.close();
}

}  // namespace frontend
