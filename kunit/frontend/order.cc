// SPDX-License-Identifier: GPL-2.0
// Cases about order and time: barriers, flushes, the ends of connections.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "cases.h"
#include "data.h"

namespace frontend {

namespace {

// Collects responses of several rings with the times at which they were seen.
std::map<uint64_t, double> collect(Frontend& frontend, uint32_t rings, uint32_t count,
                                   double seconds) {
  std::map<uint64_t, double> times;
  const double end = now() + seconds;
  while (times.size() < count) {
    bool any = false;
    for (uint32_t i = 0; i < rings; ++i) {
      Response response;
      while (frontend.ring(i).try_take(response)) {
        any = true;
        EXPECT(response.status == kOkay, "id %llu: status %d",
               static_cast<unsigned long long>(response.id), response.status);
        EXPECT(times.emplace(response.id, now()).second, "two responses of id %llu",
               static_cast<unsigned long long>(response.id));
      }
    }
    EXPECT(now() < end, "%zu of %u responses after %.0f s", times.size(), count, seconds);
    if (!any) usleep(1000);
  }
  return times;
}

}  // namespace

// The disk takes `milliseconds` for each I/O.  Without any order requests that are sent
// together would be answered together.
void barrier(Frontend& frontend, uint64_t milliseconds) {
  Options options;
  options.queues = 2;
  frontend.connect(options);
  EXPECT(frontend.property("feature-barrier") == 1, "barriers are not offered");
  const double takes = static_cast<double>(milliseconds) / 1000;
  Data before(frontend, 1), at(frontend, 1), after(frontend, 1), other(frontend, 1);
  before.fill(1);
  at.fill(2);
  after.fill(3);
  auto send = [&](uint32_t ring, Data& data, Operation operation, uint64_t sector, uint64_t id) {
    Request request = data.request(operation, sector);
    request.id = id;
    frontend.ring(ring).put(request);
    frontend.ring(ring).push();
  };
  for (uint32_t round = 0; round < 4; ++round) {
    // All writes go to one place: the data there at the end shows their order.
    const uint32_t one = round & 1, two = one ^ 1;
    send(one, before, kWrite, 0, 1);
    usleep(static_cast<useconds_t>(takes * 0.2e6));
    send(two, at, kBarrier, 0, 2);
    usleep(static_cast<useconds_t>(takes * 0.2e6));
    const double sent = now();
    send(one, after, kWrite, 0, 3);
    send(two, other, kRead, 4096, 4);
    const std::map<uint64_t, double> times = collect(frontend, 2, 4, 30);
    std::printf("round %u: write %.0f ms, barrier %.0f ms, write after it %.0f ms, read %.0f ms\n",
                round, (times.at(1) - sent) * 1000, (times.at(2) - sent) * 1000,
                (times.at(3) - sent) * 1000, (times.at(4) - sent) * 1000);
    EXPECT(times.at(1) <= times.at(2), "the barrier was done before a write that precedes it");
    EXPECT(times.at(2) - times.at(1) > takes * 0.5, "the barrier did not wait for the write");
    EXPECT(times.at(3) - times.at(2) > takes * 0.5, "the write did not wait for the barrier");
    EXPECT(times.at(4) < times.at(3), "a read was held up by the barrier");
    Request request = other.request(kRead, 0);
    EXPECT(frontend.run(request) == kOkay && other.holds(3),
           "the last write is not what the disk holds");
  }
  // A barrier without data.
  send(0, before, kWrite, 64, 1);
  Request empty;
  empty.operation = kBarrier;
  empty.id = 2;
  frontend.ring(1).put(empty);
  frontend.ring(1).push();
  const std::map<uint64_t, double> times = collect(frontend, 2, 2, 30);
  EXPECT(times.at(1) <= times.at(2), "an empty barrier was done before the write");
  frontend.close();
}

void flushes(Frontend& frontend, uint64_t) {
  frontend.connect({});
  Data data(frontend, 2);
  Request empty;
  empty.operation = kFlush;
  EXPECT(frontend.run(empty) == kOkay, "an empty flush");
  data.fill(0x7000);
  EXPECT(frontend.run(data.request(kFlush, 8)) == kOkay, "a flush with data");
  data.clear();
  EXPECT(frontend.run(data.request(kRead, 8)) == kOkay && data.holds(0x7000),
         "the data of a flush is not there");
  EXPECT(frontend.run(empty) == kOkay, "an empty flush");
  EXPECT(frontend.property("feature-flush-cache") == frontend.property("feature-barrier"),
         "flushes are offered and barriers not, or the other way around");
  frontend.close();
}

// The disk fails all writes and flushes.
void failing_writes(Frontend& frontend, uint64_t) {
  frontend.connect({});
  EXPECT(frontend.property("feature-flush-cache") == 1, "flushes are not offered");
  Data data(frontend, 2);
  Request empty;
  empty.operation = kFlush;
  EXPECT(frontend.run(data.request(kWrite, 8)) == kError, "a write that failed");
  EXPECT(frontend.run(empty) == kError, "a flush that failed");
  EXPECT(frontend.run(data.request(kFlush, 8)) == kError, "a flush with data that failed");
  EXPECT(frontend.run(data.request(kRead, 8)) == kOkay, "a read");
  frontend.close();
}

// Reconnects as a kernel after a boot loader or a crash: nobody waits for the I/O.
void reconnect(Frontend& frontend, uint64_t rounds) {
  uint64_t mark = 0x8000;
  double fastest = 1e9;  // the fastest write: the time that the disk takes
  for (uint64_t round = 0; round < std::max<uint64_t>(rounds, 1); ++round) {
    Options options;
    options.queues = 1 + round % 2;
    options.persistent = round % 3 == 0;
    options.order = static_cast<int>(round % 4) - 1;
    options.protocol = round % 2 == 0 ? "x86_64-abi" : "x86_32-abi";
    frontend.connect(options);
    double takes, closed;
    {
      Data data(frontend, kMaxDirect);
      data.fill(++mark);
      takes = now();
      EXPECT(frontend.run(data.request(kWrite, 0)) == kOkay, "write");
      takes = now() - takes;
      fastest = std::min(fastest, takes);
      for (uint32_t queue = 0; queue < options.queues; ++queue) {
        Ring& ring = frontend.ring(queue);
        for (uint32_t i = 0; i < ring.slots() / 2; ++i) {
          Request request = data.request(i % 2 == 0 ? kRead : kWrite, 4096 + i * 88);
          request.id = i;
          ring.put(request);
        }
        ring.push();
      }
      const double began = now();
      for (uint32_t queue = 0; queue < options.queues; ++queue) {
        Response response;
        EXPECT(!frontend.ring(queue).try_take(response), "the disk answered before Closed");
      }
      frontend.drop();
      closed = now() - began;
      // The pages are taken back here: the guest's kernel notices any that is still mapped.
    }
    frontend.forget();
    std::printf("round %llu: a write takes %.0f ms, Closed after %.0f ms\n",
                static_cast<unsigned long long>(round), takes * 1000, closed * 1000);
    EXPECT(closed > fastest / 2, "Closed before the disk had done what was in flight");
    frontend.connect({});
    Data data(frontend, kMaxDirect);
    EXPECT(frontend.run(data.request(kRead, 0)) == kOkay && data.holds(mark),
           "what the last connection wrote is not there");
    frontend.close();
  }
}

// Goes as far as the state `last`: from Initialised on with rings, from Connected on with
// requests in flight.
void leave(Frontend& frontend, uint64_t last) {
  static Data* data;  // never taken back
  EXPECT(frontend.wait_backend(kInitWait, 20), "the backend is in state %d, not 2",
         frontend.backend_state());
  if (last == kInitialised) {
    frontend.renew_rings({});
    frontend.state(kInitialised);
    EXPECT(frontend.wait_backend(kConnected, 20), "the backend is in state %d, not 4",
           frontend.backend_state());
  } else if (last >= kConnected) {
    frontend.connect({});
    data = new Data(frontend, kMaxDirect);
    for (uint32_t i = 0; i < frontend.ring().slots() / 2; ++i) {
      Request request = data->request(kWrite, i * 88);
      request.id = i;
      frontend.ring().put(request);
    }
    frontend.ring().push();
  }
  if (last != kInitialised && last != kConnected) frontend.state(static_cast<State>(last));
  std::puts("left as it is");
  // The pages stay granted: the caller destroys the domain.
  if (last >= kInitialised) sleep(600);
}

// The ring holds more requests than the backend takes at once, and is filled faster than
// the backend responds.
void endless(Frontend& frontend, uint64_t seconds) {
  Options options;
  options.order = 4;
  frontend.connect(options);
  Ring& ring = frontend.ring();
  Request request;
  request.operation = kReserved;
  uint64_t answered = 0;
  auto take = [&](Response& response) {
    EXPECT(response.status == kNotSupported, "status %d", response.status);
    ++answered;
  };
  Response response;
  const double end = now() + static_cast<double>(seconds);
  while (now() < end) {
    while (ring.in_flight() < ring.slots()) ring.put(request);
    ring.push();
    while (ring.try_take(response)) take(response);
  }
  while (ring.in_flight() != 0) {
    response = ring.take();
    take(response);
  }
  std::printf("%llu requests\n", static_cast<unsigned long long>(answered));
  frontend.close();
}

// A guest may change a page during a write (a page that a program has mapped, swap).  The
// write must succeed, whichever data reaches the disk.
void changing(Frontend& frontend, uint64_t seconds) {
  for (const bool persistent : {false, true}) {
    Options options;
    options.persistent = persistent;
    frontend.connect(options);
    Data data(frontend, kMaxDirect);
    Ring& ring = frontend.ring();
    uint64_t writes = 0, failed = 0, mark = 0;
    Response response;
    const double end = now() + static_cast<double>(seconds);
    while (now() < end || ring.in_flight() != 0) {
      if (now() < end) {
        for (uint32_t i = ring.in_flight(); i < ring.slots(); ++i) {
          ring.put(data.request(kWrite, i * kMaxDirect * 8));
        }
        ring.push();
      }
      data.fill(++mark);
      while (ring.try_take(response)) {
        ++writes;
        if (response.status != kOkay) ++failed;
      }
    }
    frontend.close();
    std::printf("persistent grants %d: %llu of %llu writes failed\n", persistent,
                static_cast<unsigned long long>(failed), static_cast<unsigned long long>(writes));
    EXPECT(failed == 0, "%llu of %llu writes failed", static_cast<unsigned long long>(failed),
           static_cast<unsigned long long>(writes));
  }
}

}  // namespace frontend
