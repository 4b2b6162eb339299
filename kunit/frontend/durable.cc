// SPDX-License-Identifier: GPL-2.0
// Writes, and requests that make them durable, for a disk that keeps a log (dm-log-writes).
// After each answer to such a request dom0 makes a mark in the log.  "writelog judge" replays
// the log up to each mark.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "../writelog/ask.h"
#include "../writelog/page.h"
#include "cases.h"

namespace frontend {

namespace {

constexpr uint32_t kWrites = 6;
constexpr uint32_t kLoose = 2;
constexpr uint32_t kPagesOfWrite = 2;
constexpr uint64_t kSectorsOfWrite = kPagesOfWrite * writelog::kSectorsOfPage;
constexpr uint64_t kLoosePlaces = 64;  // at the start of the disk

// A request that makes writes durable, and how it is used.
struct Kind {
  const char* name;
  Operation operation;
  bool with_data;
  // A flush covers the writes that were answered before it was sent.  A barrier also covers
  // those that were sent before it.
  bool writes_in_flight;
};

constexpr Kind kKinds[] = {
    {"flush", kFlush, false, false},
    {"flush-with-data", kFlush, true, false},
    {"barrier", kBarrier, true, false},
    {"empty-barrier", kBarrier, false, false},
    {"barrier-behind-writes", kBarrier, true, true},
};

// What happens between the writes and the request.
enum Step : uint64_t {
  kNothing = 0,
  kReconnect = 1,  // through Closing
  kDrop = 2,       // at once to Closed, with loose writes in flight
  kResize = 4,     // the disk grows
  kReload = 8,     // the module is unloaded and loaded
};

const char* step_name(Step step) {
  switch (step) {
    case kReconnect:
      return "reconnect";
    case kDrop:
      return "drop";
    case kResize:
      return "resize";
    case kReload:
      return "reload";
    default:
      return "plain";
  }
}

// The pages of one write.
class Buffer {
 public:
  explicit Buffer(Frontend& frontend) : pages_(frontend.domain(), kPagesOfWrite) {}

  Request request(Operation operation, uint64_t number, uint64_t sector) {
    Request request;
    request.operation = operation;
    request.sector = sector;
    for (uint32_t i = 0; i < kPagesOfWrite; ++i) {
      const writelog::PageOfWrite page{number, sector + i * writelog::kSectorsOfPage, i,
                                       kPagesOfWrite};
      auto* words = reinterpret_cast<volatile uint64_t*>(pages_.page(i));
      for (uint32_t w = 0; w < writelog::kPageWords; ++w) words[w] = page_word(page, w);
      request.segments.push_back({.gref = pages_.gref(i)});
    }
    return request;
  }

 private:
  Pages pages_;
};

class Rounds {
 public:
  explicit Rounds(Frontend& frontend) : frontend_(frontend) {
    for (uint32_t i = 0; i < kWrites + kLoose + 1; ++i) {
      buffers_.push_back(std::make_unique<Buffer>(frontend));
    }
  }

  void connect(bool persistent, uint32_t queues) {
    options_.persistent = persistent;
    options_.queues = queues;
    connect_again();
  }

  void run(const Kind& kind, Step step) {
    places_ = frontend_.property("sectors") / kSectorsOfWrite - kLoosePlaces;
    for (uint32_t i = 0; i < kWrites; ++i) {
      send(i, buffers_[i]->request(kWrite, ++number_, next_place()));
    }
    if (!kind.writes_in_flight) finish();
    take(step);
    const uint64_t upto = number_;
    // On their way beside the request: nothing is promised.
    send_loose();
    const uint64_t own = kind.with_data ? ++number_ : 0;
    Request request;
    request.operation = kind.operation;
    if (own != 0) request = buffers_.back()->request(kind.operation, own, next_place());
    send(static_cast<uint32_t>(points_ % options_.queues), request);
    finish();
    ask("mark point " + std::string(kind.name) + "/queues=" + std::to_string(options_.queues) +
        "/persistent=" + (options_.persistent ? "1" : "0") + '/' + step_name(step) + ' ' +
        std::to_string(upto) + ' ' + std::to_string(own));
    ++points_;
  }

  uint64_t points() const { return points_; }

 private:
  void connect_again() {
    frontend_.connect(options_);
    EXPECT(frontend_.property("feature-flush-cache") == 1, "flushes are not offered");
    EXPECT(frontend_.property("feature-barrier") == 1, "barriers are not offered");
  }

  void take(Step step) {
    switch (step) {
      case kReconnect:
        frontend_.close();
        connect_again();
        break;
      case kDrop:
        send_loose();
        frontend_.drop();
        connect_again();
        break;
      case kResize:
        ask("resize");
        break;
      case kReload:
        frontend_.close();
        ask("reload");
        connect_again();
        break;
      default:
        break;
    }
  }

  void ask(const std::string& words) {
    const int status = ask_(words);
    EXPECT(status == 0, "dom0 says %d to '%s'", status, words.c_str());
  }

  void send_loose() {
    for (uint32_t i = 0; i < kLoose; ++i) {
      ++loose_;
      send(i + 1, buffers_[kWrites + i]->request(kWrite, loose_ | writelog::kLoose,
                                                 loose_ % kLoosePlaces * kSectorsOfWrite));
    }
  }

  // The rounds write to the whole disk again and again, also where it has grown.
  uint64_t next_place() {
    place_ += 37;
    return (kLoosePlaces + place_ % places_) * kSectorsOfWrite;
  }

  void send(uint32_t ring, Request request) {
    Ring& used = frontend_.ring(ring % options_.queues);
    request.id = frontend_.next_id();
    used.put(request);
    used.push();
  }

  void finish() {
    for (uint32_t i = 0; i < options_.queues; ++i) {
      while (frontend_.ring(i).in_flight() != 0) {
        const Response response = frontend_.ring(i).take();
        EXPECT(response.status == kOkay, "ring %u: status %d", i, response.status);
      }
    }
  }

  Frontend& frontend_;
  writelog::Ask ask_;
  Options options_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  uint64_t number_ = 0;
  uint64_t loose_ = 0;
  uint64_t place_ = 0;
  uint64_t places_ = 0;
  uint64_t points_ = 0;
};

}  // namespace

void durable(Frontend& frontend, uint64_t argument) {
  const uint64_t steps = argument % 16, plain = argument / 16 % 256;
  const bool once = argument / 4096 != 0;
  Rounds rounds(frontend);
  for (const bool persistent : {false, true}) {
    for (const uint32_t queues : {1u, 4u}) {
      rounds.connect(persistent, queues);
      for (const Kind& kind : kKinds) {
        for (uint64_t i = 0; i < plain; ++i) rounds.run(kind, kNothing);
        if (kind.writes_in_flight) continue;  // a new connection knows none of them
        for (const Step step : {kReconnect, kDrop, kResize, kReload}) {
          if ((steps & step) != 0) rounds.run(kind, step);
        }
      }
      frontend.close();
      if (once) break;
    }
    if (once) break;
  }
  std::printf("%llu points\n", static_cast<unsigned long long>(rounds.points()));
}

}  // namespace frontend
