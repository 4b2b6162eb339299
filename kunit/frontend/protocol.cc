// SPDX-License-Identifier: GPL-2.0
// Cases about the forms of requests and of the connection.
#include <algorithm>
#include <cstdio>

#include "cases.h"
#include "data.h"

namespace frontend {

namespace {

const char* name_of(const std::string& protocol) {
  return protocol.empty() ? "(no protocol node)" : protocol.c_str();
}

Request plain(uint8_t operation) {
  Request request;
  request.operation = operation;
  return request;
}

// Mistakes in one request each.  After all of them a valid request is served.
void wrong_requests(Frontend& frontend, Data& data, const char* protocol) {
  const uint64_t sectors = frontend.property("sectors");
  auto refused = [&](Request request, int16_t status, const char* what) {
    const int16_t got = frontend.run(std::move(request));
    EXPECT(got == status, "%s: %s: status %d, not %d", protocol, what, got, status);
  };
  refused(plain(kReserved), kNotSupported, "operation 4");
  refused(plain(7), kNotSupported, "operation 7");
  refused(plain(255), kNotSupported, "operation 255");
  refused(plain(kRead), kError, "a read of no segments");
  refused(data.request(kRead, sectors - 7, 1), kError, "a read past the end");
  refused(data.request(kWrite, sectors, 1), kError, "a write at the end");
  refused(data.request(kRead, UINT64_MAX - 3, 1), kError, "a read whose end wraps around");
  Request request = data.request(kRead, 0, 1);
  request.segments[0].first = 3;
  request.segments[0].last = 2;
  refused(request, kError, "a segment that ends before it begins");
  request.segments[0].first = 0;
  request.segments[0].last = 8;
  refused(request, kError, "a segment beyond its page");
  request = data.request(kRead, 0, 11);
  request.claimed_segments = 12;
  refused(request, kError, "12 segments");
  request = data.request(kRead, 0, 2);
  request.segments[1].gref = kBadGref;
  refused(request, kError, "a grant that is none");
  refused(data.request(kRead, 0, 1), kOkay, "a good read after all that");
}

}  // namespace

void layouts(Frontend& frontend, uint64_t) {
  uint64_t mark = 0x1000;
  for (const char* protocol : {"x86_64-abi", "x86_32-abi", "", "x86_64-abi"}) {
    Options options;
    options.protocol = protocol;
    frontend.connect(options);
    Data data(frontend, kMaxDirect);
    // More requests than the ring has slots: it wraps around.
    for (uint32_t i = 0; i < 2 * frontend.ring().slots() + 3; ++i) {
      data.fill(++mark);
      const uint64_t sector = i % 8 * kMaxDirect * 8;
      int16_t status = frontend.run(data.request(kWrite, sector));
      EXPECT(status == kOkay, "%s: write: status %d", name_of(protocol), status);
      data.clear();
      status = frontend.run(data.request(kRead, sector));
      EXPECT(status == kOkay, "%s: read: status %d", name_of(protocol), status);
      EXPECT(data.holds(mark), "%s: what was read is not what was written", name_of(protocol));
    }
    // Single sectors out of the middle of pages.
    data.fill(++mark);
    Request one = data.request(kWrite, 5, 1);
    one.segments[0].first = one.segments[0].last = 2;
    EXPECT(frontend.run(one) == kOkay, "%s: write of a sector", name_of(protocol));
    std::vector<uint8_t> wrote(data.pages().page(0) + 1024, data.pages().page(0) + 1536);
    data.clear();
    one.operation = kRead;
    one.segments[0].first = one.segments[0].last = 6;
    EXPECT(frontend.run(one) == kOkay, "%s: read of a sector", name_of(protocol));
    EXPECT(std::memcmp(wrote.data(), data.pages().page(0) + 3072, 512) == 0,
           "%s: the sector differs", name_of(protocol));
    EXPECT(data.pages().page(0)[3071] == 0 && data.pages().page(0)[3584] == 0,
           "%s: bytes outside of the segment were written", name_of(protocol));
    wrong_requests(frontend, data, name_of(protocol));
    std::printf("%s: %u slots, served\n", name_of(protocol), frontend.ring().slots());
    frontend.close();
  }
  Options options;
  options.protocol = "sparc-abi";
  EXPECT(!frontend.try_connect(options), "an unknown protocol was accepted");
  frontend.drop();
  options.protocol = "x86_64-abi";
  frontend.connect(options);
  frontend.close();
}

void ring_refs(Frontend& frontend, uint64_t) {
  const uint64_t max_queues = frontend.property("multi-queue-max-queues");
  EXPECT(frontend.property("max-ring-page-order") == 4, "max-ring-page-order is not 4");
  Options options;
  for (const char* protocol : {"x86_64-abi", "x86_32-abi"}) {
    options.protocol = protocol;
    for (uint32_t queues = 1; queues <= max_queues; queues *= 2) {
      for (int order = -1; order <= 4; ++order) {
        options.queues = queues;
        options.order = order;
        frontend.connect(options);
        // Xen allows fewer than 128 mappings of one grant at once.
        Data data(frontend, 8);
        const std::vector<Segment> segments = data.segments();
        for (uint32_t queue = 0; queue < queues; ++queue) {
          data.fill(0x2000 + queue);
          // All slots at once, including the last one of the last page.
          Ring& ring = frontend.ring(queue);
          for (uint32_t i = 0; i < ring.slots(); ++i) {
            Request request = data.request(kWrite, i * 8, 1);
            request.segments[0] = segments[i % segments.size()];
            request.id = i;
            ring.put(request);
          }
          ring.push();
          std::vector<bool> answered(ring.slots());
          for (uint32_t i = 0; i < ring.slots(); ++i) {
            const Response response = ring.take();
            EXPECT(response.status == kOkay && response.id < ring.slots() && !answered[response.id],
                   "queue %u of order %d: status %d, id %llu", queue, order, response.status,
                   static_cast<unsigned long long>(response.id));
            answered[response.id] = true;
          }
        }
        std::printf("%s: %u queues, order %d: %u slots each\n", protocol, queues, order,
                    frontend.ring().slots());
        frontend.close();
      }
    }
  }
  auto refused = [&](const Options& wrong, const char* what) {
    EXPECT(!frontend.try_connect(wrong), "%s was accepted", what);
    frontend.drop();
    std::printf("refused: %s\n", what);
  };
  Options wrong;
  wrong.order = 5;
  refused(wrong, "rings of 32 pages");
  wrong = {};
  wrong.queues = static_cast<uint32_t>(max_queues + 1);
  refused(wrong, "more queues than offered");
  wrong = {};
  wrong.omit_ring_ref = true;
  refused(wrong, "a ring without ring-ref");
  frontend.connect({});
  frontend.close();
}

void tolerance(Frontend& frontend, uint64_t) {
  struct {
    const char* what;
    int order;
    bool other_ring_ref;
    const char* before;
    std::string behind;
  } const ways[] = {
      {"order 0 and ring-ref", 0, true, "", ""},
      {"ring-ref0 without an order", -1, true, "", ""},
      {"blanks in front", -1, false, " \t", ""},
      {"the end of a line", -1, false, "", "\n"},
      {"blanks behind", 1, false, "", "  "},
      {"the string's NUL", -1, false, "", std::string("\0", 1)},
      {"a line and the string's NUL", 0, false, "", std::string("\n\0", 2)},
  };
  for (const auto& way : ways) {
    Options options;
    options.order = way.order;
    options.other_ring_ref = way.other_ring_ref;
    options.before = way.before;
    options.behind = way.behind;
    options.persistent = true;
    EXPECT(frontend.try_connect(options), "%s: refused", way.what);
    Data data(frontend, 1);
    data.fill(0x3000);
    EXPECT(frontend.run(data.request(kWrite, 0)) == kOkay, "%s: write", way.what);
    EXPECT(frontend.run(data.request(kRead, 0)) == kOkay, "%s: read", way.what);
    EXPECT(data.holds(0x3000), "%s: what was read is not what was written", way.what);
    frontend.close();
    std::printf("%s: served\n", way.what);
  }
  Options wrong;
  for (const std::string& behind : {std::string("\0"
                                                "1",
                                                2),
                                    std::string(" 1"), std::string(",")}) {
    wrong.behind = behind;
    EXPECT(!frontend.try_connect(wrong), "more than a number was accepted");
    frontend.drop();
  }
  std::printf("refused: more than a number\n");
  frontend.connect({});
  frontend.close();
}

void indirect(Frontend& frontend, uint64_t) {
  EXPECT(frontend.property("feature-max-indirect-segments") == 256,
         "feature-max-indirect-segments is not 256");
  uint64_t mark = 0x3000;
  for (const char* protocol : {"x86_64-abi", "x86_32-abi"}) {
    for (const bool persistent : {false, true}) {
      Options options;
      options.protocol = protocol;
      options.persistent = persistent;
      frontend.connect(options);
      Data data(frontend, 256);
      Pages descriptors(frontend.domain(), 1);
      auto request = [&](uint8_t operation, uint32_t segments) {
        Request request = data.request(kIndirect, 64, segments);
        request.indirect_operation = operation;
        request.descriptor_gref = descriptors.gref(0);
        if (!request.segments.empty()) {
          std::memcpy(descriptors.page(0), request.segments.data(), request.segments.size() * 8);
        }
        return request;
      };
      for (const uint32_t segments : {1u, 11u, 12u, 32u, 33u, 255u, 256u}) {
        data.fill(++mark);
        int16_t status = frontend.run(request(kWrite, segments));
        EXPECT(status == kOkay, "%s: %u segments: status %d", protocol, segments, status);
        data.clear();
        status = frontend.run(request(kRead, segments));
        EXPECT(status == kOkay, "%s: %u segments: status %d", protocol, segments, status);
        EXPECT(data.holds(mark, segments), "%s: %u segments differ", protocol, segments);
      }
      for (const uint8_t operation : {kBarrier, kFlush, kDiscard, kIndirect}) {
        const int16_t status = frontend.run(request(operation, 4));
        EXPECT(status == kError, "%s: operation %u inside: status %d", protocol, operation, status);
      }
      Request wrong = request(kRead, 4);
      wrong.claimed_segments = 257;
      EXPECT(frontend.run(wrong) == kError, "257 segments");
      wrong.claimed_segments = 0;
      EXPECT(frontend.run(wrong) == kError, "no segments");
      wrong.claimed_segments = -1;
      wrong.descriptor_gref = kBadGref;
      EXPECT(frontend.run(wrong) == kError, "a descriptor page that is none");
      EXPECT(frontend.run(request(kRead, 256)) == kOkay, "a good one after all that");
      std::printf("%s, persistent grants %d: 1 to 256 segments\n", protocol, persistent);
      frontend.close();
    }
  }
}

void persistence(Frontend& frontend, uint64_t rounds) {
  uint64_t mark = 0x4000;
  for (const bool persistent : {true, false, true}) {
    Options options;
    options.persistent = persistent;
    frontend.connect(options);
    EXPECT(frontend.property("feature-persistent") == 1, "persistent grants are not offered");
    {
      Data data(frontend, kMaxDirect);
      for (uint64_t i = 0; i < std::max<uint64_t>(rounds, 1); ++i) {
        data.fill(++mark);
        EXPECT(frontend.run(data.request(kWrite, 0)) == kOkay, "write");
        data.clear();
        EXPECT(frontend.run(data.request(kRead, 0)) == kOkay, "read");
        EXPECT(data.holds(mark), "what was read is not what was written");
        // Without persistent grants no page is mapped after the response.
        EXPECT(persistent || data.pages().renew() == 0, "a page is still mapped after its answer");
      }
      if (persistent) {
        // The grants of "data" stay mapped until Closed, and no longer.
        Data other(frontend, kMaxDirect);
        EXPECT(frontend.run(other.request(kWrite, 0)) == kOkay, "write");
        const uint32_t mapped = other.pages().renew();
        EXPECT(mapped == kMaxDirect, "%u of %u persistent grants are mapped", mapped, kMaxDirect);
      }
      frontend.close();
    }
    frontend.forget();
    std::printf("persistent grants %d: served, mapped as agreed\n", persistent);
  }
}

void not_persistent(Frontend& frontend, uint64_t) {
  Options options;
  options.persistent = true;
  frontend.connect(options);
  EXPECT(frontend.property("feature-persistent") == 0, "persistent grants are offered");
  Data data(frontend, kMaxDirect);
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT(frontend.run(data.request(kRead, 0)) == kOkay, "read");
    EXPECT(data.pages().renew() == 0, "a page is still mapped after its answer");
  }
  frontend.close();
}

// Must fail: a page is still mapped at Closed.
void planted_mapping(Frontend& frontend, uint64_t) {
  frontend.connect({});
  const SelfMapped planted;
  frontend.close();
}

void discard(Frontend& frontend, uint64_t) {
  frontend.connect({});
  EXPECT(frontend.property("feature-discard") == 1, "discard is not offered");
  const uint64_t sectors = frontend.property("sectors");
  const uint64_t granularity = frontend.property("discard-granularity") / kSectorBytes;
  const bool secure = frontend.property("discard-secure") != 0;
  std::printf("granularity %llu sectors, alignment %llu bytes, secure %d\n",
              static_cast<unsigned long long>(granularity),
              static_cast<unsigned long long>(frontend.property("discard-alignment")), secure);
  auto run = [&](uint64_t sector, uint64_t count, uint8_t flag) {
    Request request = plain(kDiscard);
    request.sector = sector;
    request.discard_sectors = count;
    request.flag = flag;
    return frontend.run(request);
  };
  Data data(frontend, 8);
  data.fill(0x5000);
  EXPECT(frontend.run(data.request(kWrite, 4096)) == kOkay, "write");
  EXPECT(run(4096 + 64, 4096, 0) == kOkay, "a discard");
  data.clear();
  EXPECT(frontend.run(data.request(kRead, 4096)) == kOkay, "read");
  EXPECT(data.holds(0x5000), "a discard reached what stands before it");
  EXPECT(run(4096, 64, 0) == kOkay, "a small discard");
  EXPECT(run(0, sectors, 0) == kOkay, "a discard of the whole disk");
  EXPECT(run(0, 0, 0) == kError, "a discard of nothing");
  EXPECT(run(sectors - 8, 16, 0) == kError, "a discard past the end");
  EXPECT(run(8, UINT64_MAX - 4, 0) == kError, "a discard whose end wraps around");
  // blkif.h: the flag is ignored where discard-secure is not offered.
  data.fill(0x5001);
  EXPECT(frontend.run(data.request(kWrite, 0)) == kOkay, "write");
  const int16_t status = run(0, 4096, 1);
  EXPECT(status == kOkay, "a secure discard, offered %d: status %d", secure, status);
  EXPECT(frontend.run(data.request(kRead, 0)) == kOkay, "read");
  EXPECT(data.holds_between(0, 0, 0), "a secure discard left the data where it was");
  // Reads are answered while discards are in flight.
  Ring& ring = frontend.ring();
  for (uint32_t i = 0; i < 8; ++i) {
    Request request = plain(kDiscard);
    request.id = i;
    request.discard_sectors = sectors;
    ring.put(request);
    request = data.request(kRead, 0);
    request.id = 100 + i;
    ring.put(request);
  }
  ring.push();
  for (uint32_t i = 0; i < 16; ++i) {
    const Response response = ring.take();
    EXPECT(response.status == kOkay, "id %llu: status %d",
           static_cast<unsigned long long>(response.id), response.status);
  }
  frontend.close();
}

void blocks_4k(Frontend& frontend, uint64_t) {
  frontend.connect({});
  EXPECT(frontend.property("sector-size") == 4096, "sector-size is not 4096");
  Data data(frontend, 3);
  data.fill(0x6000);
  auto run = [&](Operation operation, uint64_t sector, uint8_t first, uint8_t last) {
    Request request = data.request(operation, sector, 1);
    request.segments[0].first = first;
    request.segments[0].last = last;
    return frontend.run(request);
  };
  EXPECT(run(kWrite, 8, 0, 7) == kOkay, "a whole block");
  for (const Operation operation : {kRead, kWrite}) {
    EXPECT(run(operation, 8, 0, 6) == kError, "7 sectors of a block");
    EXPECT(run(operation, 8, 1, 7) == kError, "7 sectors of a block from the second on");
    EXPECT(run(operation, 9, 0, 7) == kError, "a block that begins in the middle of one");
    EXPECT(run(operation, 8, 3, 3) == kError, "one sector");
  }
  data.clear();
  EXPECT(run(kRead, 8, 0, 7) == kOkay && data.holds(0x6000, 1), "the block, read back");
  // A buffer that begins within a page: each segment is a part of blocks; together they are
  // whole blocks.
  auto shifted = [&](Operation operation, uint8_t first) {
    Request request = data.request(operation, 16);
    request.segments[0].first = first;
    request.segments[2].last = static_cast<uint8_t>(first - 1);
    return frontend.run(request);
  };
  for (const uint8_t first : {1, 4, 7}) {
    data.fill(0x6100 + first);
    EXPECT(shifted(kWrite, first) == kOkay, "a write from sector %u of a page on", first);
    data.clear();
    EXPECT(shifted(kRead, first) == kOkay, "a read to sector %u of a page on", first);
    EXPECT(data.holds_between(0x6100 + first, first * kSectorBytes, 2 * kPageBytes),
           "what was read from sector %u on is not what was written", first);
  }
  frontend.close();
}

void read_only(Frontend& frontend, uint64_t) {
  frontend.connect({});
  EXPECT((frontend.property("info") & 4) != 0, "info does not say read-only");
  Data data(frontend, 2);
  Request request = plain(kDiscard);
  request.discard_sectors = 64;
  EXPECT(frontend.run(data.request(kRead, 0)) == kOkay, "a read");
  EXPECT(frontend.run(data.request(kWrite, 0)) != kOkay, "a write was accepted");
  EXPECT(frontend.run(data.request(kFlush, 0)) != kOkay, "a flush with data was accepted");
  EXPECT(frontend.run(request) != kOkay, "a discard was accepted");
  EXPECT(frontend.run(plain(kFlush)) == kOkay, "an empty flush");
  frontend.close();
}

}  // namespace frontend
