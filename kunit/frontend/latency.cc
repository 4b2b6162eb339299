// SPDX-License-Identifier: GPL-2.0
// Reads while discards are in flight.
#include <cstdio>

#include "cases.h"
#include "data.h"

namespace frontend {

namespace {

constexpr uint64_t kReadId = 1;
constexpr uint64_t kDiscardId = 2;
// A driver that holds reads up answers at most one of those that are sent during a discard.
constexpr uint32_t kReads = 3;
constexpr uint32_t kDiscards = 4;
constexpr uint32_t kMostDiscards = 24;

}  // namespace

// Reads do not wait for discards: during a discard of the whole disk, several reads are sent,
// one after the other, and answered.
void discard_latency(Frontend& frontend, uint64_t) {
  frontend.connect({});
  EXPECT(frontend.property("feature-discard") == 1, "discard is not offered");
  Data data(frontend, 1);
  Ring& ring = frontend.ring();
  uint64_t sent = 0;
  auto send_read = [&] {
    Request request = data.request(kRead, (sent++ % 64) * 8, 1);
    request.id = kReadId;
    ring.put(request);
    ring.push();
  };
  uint32_t good = 0, discards = 0;
  while (good < kDiscards && discards < kMostDiscards) {
    Request discard;
    discard.operation = kDiscard;
    discard.id = kDiscardId;
    discard.discard_sectors = frontend.property("sectors");
    const double began = now();
    ring.put(discard);
    send_read();
    uint32_t reads = 0;
    bool discarded = false, reading = true;
    while (!discarded || reading) {
      const Response response = ring.take();
      EXPECT(response.status == kOkay, "id %llu: status %d",
             static_cast<unsigned long long>(response.id), response.status);
      if (response.id == kDiscardId) {
        discarded = true;
        std::printf("a discard took %.1f ms; meanwhile %u reads\n", (now() - began) * 1000, reads);
        continue;
      }
      reading = false;
      if (discarded) continue;
      ++reads;
      send_read();
      reading = true;
    }
    ++discards;
    if (reads >= kReads) ++good;
  }
  EXPECT(good == kDiscards,
         "%u of %u discards had %u reads beside them: reads wait, or the disk is too fast", good,
         discards, kReads);
  frontend.close();
}

}  // namespace frontend
