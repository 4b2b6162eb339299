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

// A response came between these two times.
struct Arrival {
  double not_before;  // when it was looked for in vain, or the start
  double seen;
};

struct Arrivals {
  std::map<uint64_t, Arrival> of;  // by id
  double longest_gap = 0;          // between two looks, in seconds
};

// Collects responses of several rings.  None has come before `start`.
Arrivals collect(Frontend& frontend, uint32_t rings, uint32_t count, double start) {
  constexpr double kSeconds = 30;
  Arrivals arrivals;
  double last = start, look = now();
  const double end = look + kSeconds;
  while (arrivals.of.size() < count) {
    bool any = false;
    for (uint32_t i = 0; i < rings; ++i) {
      Response response;
      while (frontend.ring(i).try_take(response)) {
        any = true;
        EXPECT(response.status == kOkay, "id %llu: status %d",
               static_cast<unsigned long long>(response.id), response.status);
        EXPECT(arrivals.of.emplace(response.id, Arrival{last, now()}).second,
               "two responses of id %llu", static_cast<unsigned long long>(response.id));
      }
    }
    EXPECT(now() < end, "%zu of %u responses after %.0f s", arrivals.of.size(), count, kSeconds);
    if (!any) usleep(1000);
    last = look;
    look = now();
    arrivals.longest_gap = std::max(arrivals.longest_gap, look - last);
  }
  return arrivals;
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
  // A round in which this program itself was held up shows nothing.
  for (uint32_t round = 0, tries = 0; round < 4;) {
    EXPECT(++tries <= 20, "this guest is too slow to see the order of responses");
    // All writes go to one place: the data there at the end shows their order.
    const uint32_t one = round & 1, two = one ^ 1;
    const double start = now();
    send(one, before, kWrite, 0, 1);
    usleep(static_cast<useconds_t>(takes * 0.2e6));
    send(two, at, kBarrier, 0, 2);
    usleep(static_cast<useconds_t>(takes * 0.2e6));
    const double sent = now();
    send(one, after, kWrite, 0, 3);
    send(two, other, kRead, 4096, 4);
    const bool late = now() - start > takes * 0.75;
    const Arrivals arrivals = collect(frontend, 2, 4, start);
    const Arrival write = arrivals.of.at(1), barrier = arrivals.of.at(2);
    const Arrival next = arrivals.of.at(3), read = arrivals.of.at(4);
    std::printf("round %u: write %.0f ms, barrier %.0f ms, write after it %.0f ms, read %.0f ms\n",
                round, (write.seen - sent) * 1000, (barrier.seen - sent) * 1000,
                (next.seen - sent) * 1000, (read.seen - sent) * 1000);
    EXPECT(write.not_before <= barrier.seen,
           "the barrier was done before a write that precedes it");
    EXPECT(barrier.seen - write.not_before > takes * 0.5, "the barrier did not wait for the write");
    EXPECT(next.seen - barrier.not_before > takes * 0.5, "the write did not wait for the barrier");
    Request request = other.request(kRead, 0);
    EXPECT(frontend.run(request) == kOkay && other.holds(3),
           "the last write is not what the disk holds");
    if (late || arrivals.longest_gap >= takes / 4) continue;
    EXPECT(next.not_before - read.not_before > takes * 0.5, "a read was held up by the barrier");
    ++round;
  }
  // A barrier without data.
  const double start = now();
  send(0, before, kWrite, 64, 1);
  Request empty;
  empty.operation = kBarrier;
  empty.id = 2;
  frontend.ring(1).put(empty);
  frontend.ring(1).push();
  const Arrivals arrivals = collect(frontend, 2, 2, start);
  EXPECT(arrivals.of.at(1).not_before <= arrivals.of.at(2).seen,
         "an empty barrier was done before the write");
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
  for (uint64_t round = 0, tries = 0; round < std::max<uint64_t>(rounds, 1);) {
    Options options;
    options.queues = 1 + round % 2;
    options.persistent = round % 3 == 0;
    options.order = static_cast<int>(round % 4) - 1;
    options.protocol = round % 2 == 0 ? "x86_64-abi" : "x86_32-abi";
    frontend.connect(options);
    double takes, closed;
    bool early = false;
    {
      Data data(frontend, kMaxDirect);
      data.fill(++mark);
      takes = now();
      EXPECT(frontend.run(data.request(kWrite, 0)) == kOkay, "write");
      takes = now() - takes;
      fastest = std::min(fastest, takes);
      const double began = now();
      for (uint32_t queue = 0; queue < options.queues; ++queue) {
        Ring& ring = frontend.ring(queue);
        for (uint32_t i = 0; i < ring.slots() / 2; ++i) {
          Request request = data.request(i % 2 == 0 ? kRead : kWrite, 4096 + i * 88);
          request.id = i;
          ring.put(request);
        }
        ring.push();
      }
      for (uint32_t queue = 0; queue < options.queues; ++queue) {
        Response response;
        early = early || frontend.ring(queue).try_take(response);
      }
      frontend.drop();
      closed = now() - began;
      // The pages are taken back here: the guest's kernel notices any that is still mapped.
    }
    frontend.forget();
    // This program was held up: another try.
    if (early) {
      EXPECT(++tries <= 20, "the disk answered before Closed");
      continue;
    }
    std::printf("round %llu: a write takes %.0f ms, Closed after %.0f ms\n",
                static_cast<unsigned long long>(round), takes * 1000, closed * 1000);
    EXPECT(closed > fastest / 2, "Closed before the disk had done what was in flight");
    frontend.connect({});
    Data data(frontend, kMaxDirect);
    EXPECT(frontend.run(data.request(kRead, 0)) == kOkay && data.holds(mark),
           "what the last connection wrote is not there");
    frontend.close();
    ++round;
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
