// SPDX-License-Identifier: GPL-2.0
// Writes, and requests that make them durable, for a disk that keeps a log of what it was told
// (dm-log-writes).  scripts/lab/dom0/log-writes.awk judges the log.
//
// The I/O comes in rounds with numbers.  A round is a number of writes and the request that makes
// them durable; the next one begins when that is answered.  So all of a round must be durable at
// the place in the log where the first write of a later round is.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "cases.h"
#include "data.h"

namespace frontend {

namespace {

constexpr uint32_t kWrites = 6;
constexpr uint32_t kPagesOfWrite = 2;
constexpr uint32_t kLoose = 2;
constexpr uint32_t kRounds = 5;  // of a connection
constexpr uint64_t kPlaces = 1024;

// The mark of data (Data::fill()), as log-writes.awk reads it.  Round 0: nothing is promised.
enum Part : uint64_t { kWritten = 0, kWithTheRequest = 1 };
uint64_t mark(uint64_t round, Part part) { return round * 2 + part; }

class Rounds {
 public:
  Rounds(Frontend& frontend, Operation operation, bool with_data, uint32_t queues)
      : frontend_(frontend), operation_(operation), with_data_(with_data), queues_(queues) {
    for (uint32_t i = 0; i < kWrites + kLoose; ++i) {
      data_.push_back(std::make_unique<Data>(frontend, kPagesOfWrite));
    }
  }

  void run(uint64_t round) {
    for (uint32_t i = 0; i < kWrites; ++i) write(i, round);
    // A barrier covers the writes that were sent before it, a flush those that were answered.
    if (operation_ == kFlush) finish();
    // Not promised: on their way beside the request.
    for (uint32_t i = 0; i < kLoose; ++i) write(kWrites + i, 0);
    last_.fill(mark(round, kWithTheRequest));
    Request request = with_data_ ? last_.request(operation_, next_place()) : Request{};
    request.operation = operation_;
    send(static_cast<uint32_t>(round % queues_), request);
    finish();
  }

 private:
  void write(uint32_t index, uint64_t round) {
    Data& data = *data_[index];
    data.fill(mark(round, kWritten));
    send(index % queues_, data.request(kWrite, next_place()));
  }

  // The rounds write to the whole disk again and again.
  uint64_t next_place() {
    place_ = (place_ * 5 + 7) % kPlaces;
    return place_ * 8 * kPagesOfWrite;
  }

  void send(uint32_t ring, Request request) {
    request.id = frontend_.next_id();
    frontend_.ring(ring).put(request);
    frontend_.ring(ring).push();
  }

  void finish() {
    for (uint32_t i = 0; i < queues_; ++i) {
      while (frontend_.ring(i).in_flight() != 0) {
        const Response response = frontend_.ring(i).take();
        EXPECT(response.status == kOkay, "ring %u: status %d", i, response.status);
      }
    }
  }

  Frontend& frontend_;
  const Operation operation_;
  const bool with_data_;
  const uint32_t queues_;
  std::vector<std::unique_ptr<Data>> data_;
  Data last_{frontend_, 1};
  uint64_t place_ = 0;
};

void rounds(Frontend& frontend, uint64_t first, Operation operation, bool with_data) {
  uint64_t round = first;
  for (const bool persistent : {false, true}) {
    for (const uint32_t queues : {1u, 4u}) {
      Options options;
      options.persistent = persistent;
      options.queues = queues;
      frontend.connect(options);
      EXPECT(frontend.property("feature-flush-cache") == 1, "flushes are not offered");
      {
        Rounds some(frontend, operation, with_data, queues);
        for (uint32_t i = 0; i < kRounds; ++i) some.run(round++);
      }
      frontend.close();
    }
  }
  std::printf("rounds %llu to %llu\n", static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(round - 1));
}

}  // namespace

void durable_flush(Frontend& frontend, uint64_t first) { rounds(frontend, first, kFlush, false); }

void durable_flush_data(Frontend& frontend, uint64_t first) {
  rounds(frontend, first, kFlush, true);
}

void durable_barrier(Frontend& frontend, uint64_t first) {
  rounds(frontend, first, kBarrier, true);
}

}  // namespace frontend
