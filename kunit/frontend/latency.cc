// SPDX-License-Identifier: GPL-2.0
// The latency of reads while discards are in flight.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "cases.h"
#include "data.h"

namespace frontend {

namespace {

constexpr uint64_t kReadId = 1;
constexpr uint64_t kFirstDiscardId = 2;
constexpr uint32_t kReads = 100;
constexpr uint32_t kDiscards = 6;

struct Times {
  std::vector<double> reads;
  std::vector<double> discards;
};

double median(std::vector<double>& times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// Sends reads one after the other, with `beside` discards of the whole disk always in flight,
// until enough of both have ended.
Times measure(Frontend& frontend, Data& data, uint32_t beside) {
  Ring& ring = frontend.ring();
  const uint64_t sectors = frontend.property("sectors");
  Times times;
  std::vector<double> begun(beside);
  uint32_t reads = 0, in_flight = 0;
  auto send_discard = [&](uint32_t index) {
    Request request;
    request.operation = kDiscard;
    request.id = kFirstDiscardId + index;
    request.discard_sectors = sectors;
    begun[index] = now();
    ring.put(request);
    ++in_flight;
  };
  auto send_read = [&] {
    Request request = data.request(kRead, reads * 8, 1);
    request.id = kReadId;
    ring.put(request);
    ++reads;
    return now();
  };
  for (uint32_t i = 0; i < beside; ++i) send_discard(i);
  if (beside != 0) ring.push();
  double read_began = send_read();
  ring.push();
  auto enough = [&] {
    return times.reads.size() >= kReads && (beside == 0 || times.discards.size() >= kDiscards);
  };
  while (!enough() || in_flight != 0) {
    const Response response = ring.take();
    EXPECT(response.status == kOkay, "id %llu: status %d",
           static_cast<unsigned long long>(response.id), response.status);
    if (response.id == kReadId) {
      times.reads.push_back(now() - read_began);
      if (!enough()) read_began = send_read();
    } else {
      const auto index = static_cast<uint32_t>(response.id - kFirstDiscardId);
      times.discards.push_back(now() - begun[index]);
      --in_flight;
      if (!enough()) send_discard(index);
    }
    ring.push();
  }
  return times;
}

}  // namespace

// Reads do not wait for discards.  One discard is in flight all the time.
void discard_latency(Frontend& frontend, uint64_t) {
  frontend.connect({});
  EXPECT(frontend.property("feature-discard") == 1, "discard is not offered");
  Data data(frontend, 1);
  Times alone = measure(frontend, data, 0);
  Times beside = measure(frontend, data, 1);
  const double discard = median(beside.discards);
  const double usual = median(alone.reads), usual_beside = median(beside.reads);
  const size_t slow = static_cast<size_t>(std::count_if(
      beside.reads.begin(), beside.reads.end(), [&](double read) { return read > discard / 2; }));
  std::printf(
      "a read: %.2f ms, at worst %.2f; beside discards %.2f ms, at worst %.2f; of %zu reads %zu "
      "took half as long as a discard; %zu discards, of %.2f ms each\n",
      usual * 1000, alone.reads.back() * 1000, usual_beside * 1000, beside.reads.back() * 1000,
      beside.reads.size(), slow, beside.discards.size(), discard * 1000);
  EXPECT(discard > 10 * usual, "the disk's discards are too fast to show anything");
  // If each discard held up a read, as many reads as discards would be slow.  A few may be
  // slow because of the machine.
  EXPECT(slow <= beside.discards.size() / 3, "reads waited for discards");
  EXPECT(usual_beside < discard / 4, "reads beside discards are slow");
  frontend.close();
}

}  // namespace frontend
