// SPDX-License-Identifier: GPL-2.0
#include <cstring>

#include "fake_host/fake_host.h"
#include "request/request.h"
#include "support/expectations.h"
#include "support/guest.h"
#include "support/parsed.h"
#include "support/random.h"

namespace {

using blkback::Operation;
using blkback::Rejection;
using blkback::Request;
using blkback::Status;
using blkback::wire::RawSlot;
using kunit::ask;
using kunit::RawRequest;
using kunit::Layout;
using kunit::parse;
using kunit::RawSegment;

constexpr Layout kLayouts[] = {Layout::kNative, Layout::kX86_32, Layout::kX86_64};
constexpr uint64_t kId = 0x0123456789abcdefu;

RawSlot slot_of(Layout layout, const RawRequest& request) {
  RawSlot slot;
  kunit::write_slot(slot.bytes, layout, request);
  return slot;
}

// A request with all eleven segments, each different in each field.
RawRequest full_request() {
  RawRequest request = ask(BLKIF_OP_WRITE, kId, 0x1122334455667788u, {});
  request.count = 11;
  for (uint32_t i = 0; i < 11; ++i) {
    request.parts[i] = {.gref = 0xcafe0000u + i,
                        .first = static_cast<uint8_t>(i % 4),
                        .last = static_cast<uint8_t>(4 + i % 4)};
  }
  return request;
}

// Is every field of `request` the one that full_request() wrote?
bool complete(const Request& request) {
  bool good = request.key.id == kId && request.key.operation == BLKIF_OP_WRITE &&
              request.operation == Operation::kWrite && request.segment_count == 11 &&
              request.sector == 0x1122334455667788u && request.sectors == 11 * 5;
  for (uint32_t i = 0; i < 11; ++i) {
    good = good && request.segments[i].gref == 0xcafe0000u + i &&
           request.segments[i].first == i % 4 && request.segments[i].last == 4 + i % 4;
  }
  return good;
}

// The status with which the request is refused in all layouts; 1 if a layout accepts it, or if the
// layouts refuse it differently.
int refusal(const RawRequest& request) {
  int status = 2;
  for (const Layout layout : kLayouts) {
    const auto parsed = parse(slot_of(layout, request), layout);
    if (parsed.has_value()) return 1;
    const Rejection& rejection = parsed.error();
    if (rejection.key.id != request.id) return 1;
    if (rejection.key.operation != request.operation) return 1;
    if (status != 2 && status != static_cast<int>(rejection.status)) return 1;
    status = static_cast<int>(rejection.status);
  }
  return status;
}

bool accepted(const RawRequest& request) {
  for (const Layout layout : kLayouts) {
    if (!parse(slot_of(layout, request), layout).has_value()) return false;
  }
  return true;
}

TEST(Parser, TakesEveryFieldFromItsPlaceInTheNativeLayout) {
  const auto parsed = parse(slot_of(Layout::kNative, full_request()), Layout::kNative);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_TRUE(complete(*parsed));
}

TEST(Parser, TakesEveryFieldFromItsPlaceInThe32BitLayout) {
  const auto parsed = parse(slot_of(Layout::kX86_32, full_request()), Layout::kX86_32);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_TRUE(complete(*parsed));
}

TEST(Parser, TakesEveryFieldFromItsPlaceInThe64BitLayout) {
  const auto parsed = parse(slot_of(Layout::kX86_64, full_request()), Layout::kX86_64);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_TRUE(complete(*parsed));
}

TEST(Parser, KnowsReadWriteAndFlush) {
  const uint8_t codes[] = {BLKIF_OP_READ, BLKIF_OP_WRITE, BLKIF_OP_FLUSH_DISKCACHE};
  const Operation operations[] = {Operation::kRead, Operation::kWrite, Operation::kFlush};
  for (uint32_t i = 0; i < 3; ++i) {
    for (const Layout layout : kLayouts) {
      const auto parsed = parse(slot_of(layout, ask(codes[i], kId, 0, {{.gref = 9}})), layout);
      ASSERT_TRUE(parsed.has_value());
      EXPECT_TRUE(parsed->operation == operations[i]);
      EXPECT_EQ(parsed->key.operation, codes[i]);
    }
  }
}

// READ 0, WRITE 1, WRITE_BARRIER 2, FLUSH_DISKCACHE 3, DISCARD 5, INDIRECT 6;
// 4 is reserved.
bool known(uint32_t code) { return code <= 3 || code == 5 || code == 6; }

TEST(Parser, RefusesEveryOtherOperationWithItsOwnIdAndOperation) {
  for (uint32_t code = 0; code < 256; ++code) {
    if (known(code)) continue;
    const RawRequest request = ask(static_cast<uint8_t>(code), kId, 0, {{.gref = 9}});
    EXPECT_EQ(refusal(request), BLKIF_RSP_EOPNOTSUPP);
  }
}

TEST(Parser, AnUnknownOperationIsNotSupportedWhateverElseIsWrong) {
  RawRequest request = ask(77, kId, UINT64_MAX, {{.gref = 9, .first = 7, .last = 0}});
  request.count = 255;
  EXPECT_EQ(refusal(request), BLKIF_RSP_EOPNOTSUPP);
}

TEST(Parser, RefusesEveryCountOfSegmentsAboveEleven) {
  for (uint32_t count = 12; count < 256; ++count) {
    RawRequest request = full_request();
    request.count = static_cast<uint8_t>(count);
    EXPECT_EQ(refusal(request), BLKIF_RSP_ERROR);
  }
}

TEST(Parser, RefusesAFlushWithMoreThanElevenSegments) {
  RawRequest request = ask(BLKIF_OP_FLUSH_DISKCACHE, kId, 0, {});
  request.count = 12;
  EXPECT_EQ(refusal(request), BLKIF_RSP_ERROR);
}

TEST(Parser, AcceptsOneToElevenSegments) {
  for (uint8_t count = 1; count <= 11; ++count) {
    RawRequest request = full_request();
    request.count = count;
    EXPECT_TRUE(accepted(request));
  }
}

TEST(Parser, RefusesAReadWithoutSegments) {
  EXPECT_EQ(refusal(ask(BLKIF_OP_READ, kId, 0, {})), BLKIF_RSP_ERROR);
}

TEST(Parser, RefusesAWriteWithoutSegments) {
  EXPECT_EQ(refusal(ask(BLKIF_OP_WRITE, kId, 0, {})), BLKIF_RSP_ERROR);
}

TEST(Parser, AcceptsAFlushWithoutSegments) {
  for (const Layout layout : kLayouts) {
    const auto parsed = parse(slot_of(layout, ask(BLKIF_OP_FLUSH_DISKCACHE, kId, 5, {})), layout);
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->sectors, 0u);
    EXPECT_EQ(parsed->segment_count, 0u);
  }
}

TEST(Parser, IgnoresTheSectorOfARequestWithoutSegments) {
  constexpr uint64_t kBehindAnyDisk = ~uint64_t{0} - 8;
  for (const Layout layout : kLayouts) {
    for (const int code : {BLKIF_OP_FLUSH_DISKCACHE, BLKIF_OP_WRITE_BARRIER}) {
      const auto parsed =
          parse(slot_of(layout, ask(static_cast<uint8_t>(code), kId, kBehindAnyDisk, {})), layout);
      ASSERT_TRUE(parsed.has_value());
      EXPECT_EQ(parsed->sector, 0u);
    }
  }
}

TEST(Parser, RefusesASegmentWhoseFirstSectorIsBehindItsLast) {
  EXPECT_EQ(refusal(ask(BLKIF_OP_READ, kId, 0, {{.gref = 9, .first = 4, .last = 3}})),
            BLKIF_RSP_ERROR);
}

TEST(Parser, RefusesASegmentThatEndsBehindItsPage) {
  EXPECT_EQ(refusal(ask(BLKIF_OP_READ, kId, 0, {{.gref = 9, .first = 0, .last = 8}})),
            BLKIF_RSP_ERROR);
}

TEST(Parser, RefusesASegmentThatBeginsBehindItsPage) {
  EXPECT_EQ(refusal(ask(BLKIF_OP_READ, kId, 0, {{.gref = 9, .first = 8, .last = 8}})),
            BLKIF_RSP_ERROR);
}

TEST(Parser, DecidesEveryPairOfFirstAndLastSector) {
  bool right = true;
  for (uint32_t first = 0; first < 256; ++first) {
    for (uint32_t last = 0; last < 256; ++last) {
      RawSlot slot;
      kunit::write_slot(slot.bytes, Layout::kX86_64,
                        ask(BLKIF_OP_READ, kId, 0,
                            {{.gref = 9,
                              .first = static_cast<uint8_t>(first),
                              .last = static_cast<uint8_t>(last)}}));
      const bool good = first <= last && last <= 7;
      right = right && parse(slot, Layout::kX86_64).has_value() == good;
    }
  }
  EXPECT_TRUE(right);
}

TEST(Parser, ABadLastSegmentSpoilsTheWholeRequest) {
  RawRequest request = full_request();
  request.parts[10].last = 200;
  EXPECT_EQ(refusal(request), BLKIF_RSP_ERROR);
}

TEST(Parser, SegmentsBehindTheCountAreNotLookedAt) {
  RawRequest request = full_request();
  request.count = 10;
  request.parts[10].last = 200;
  EXPECT_TRUE(accepted(request));
}

TEST(Parser, SumsUpTheSectors) {
  const RawRequest request = ask(BLKIF_OP_READ, kId, 0,
                                 {{.gref = 1, .first = 0, .last = 7},
                                  {.gref = 2, .first = 3, .last = 3},
                                  {.gref = 3, .first = 6, .last = 7}});
  for (const Layout layout : kLayouts) {
    const auto parsed = parse(slot_of(layout, request), layout);
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->sectors, 11u);
  }
}

TEST(Parser, ASegmentKnowsItsBytes) {
  const auto parsed = parse(
      slot_of(Layout::kX86_32, ask(BLKIF_OP_READ, kId, 0, {{.gref = 1, .first = 2, .last = 5}})),
      Layout::kX86_32);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->segments[0].offset_bytes(), 1024u);
  EXPECT_EQ(parsed->segments[0].bytes(), 2048u);
  EXPECT_EQ(parsed->segments[0].sectors(), 4u);
}

TEST(Parser, NothingIsLeftOfTheRequestBefore) {
  RawSlot slot;
  std::memset(slot.bytes, 0, sizeof(slot.bytes));
  slot.bytes[0] = BLKIF_OP_FLUSH_DISKCACHE;
  Request request;
  request.indirect = true;
  request.secure = true;
  request.descriptor_gref = 5;
  request.sector = 6;
  request.sectors = 7;
  request.segment_count = 8;
  EXPECT_FALSE(blkback::parse(slot, Layout::kX86_64, request).has_value());
  EXPECT_EQ(request.operation, Operation::kFlush);
  EXPECT_FALSE(request.indirect);
  EXPECT_FALSE(request.secure);
  EXPECT_EQ(request.descriptor_gref, 0u);
  EXPECT_EQ(request.sector, 0u);
  EXPECT_EQ(request.sectors, 0u);
  EXPECT_EQ(request.segment_count, 0u);
}

TEST(Parser, RandomSlotsYieldOnlyRequestsThatCannotBeWrong) {
  kunit::Random random;
  bool right = true;
  for (uint32_t i = 0; i < 30000; ++i) {
    RawSlot slot;
    for (uint8_t& byte : slot.bytes) byte = static_cast<uint8_t>(random.below(256));
    // Discards and indirect requests have cases of their own.
    slot.bytes[0] = static_cast<uint8_t>(random.below(5));
    slot.bytes[1] = static_cast<uint8_t>(random.below(14));
    if (random.below(2) == 0) {
      // Makes valid segments likely, in both kinds of layout.
      for (uint32_t at = 20; at < sizeof(slot.bytes); ++at) slot.bytes[at] &= 0x07;
    }
    const Layout layout = kLayouts[random.below(3)];
    const auto parsed = parse(slot, layout);
    if (!parsed.has_value()) {
      right = right && parsed.error().reason != nullptr;
      continue;
    }
    uint32_t sectors = 0;
    for (uint32_t s = 0; s < parsed->segment_count; ++s) {
      right = right && parsed->segments[s].first <= parsed->segments[s].last &&
              parsed->segments[s].last <= 7;
      sectors += parsed->segments[s].sectors();
    }
    right = right && parsed->segment_count <= 11 && parsed->sectors == sectors;
    right = right && (parsed->segment_count != 0 || parsed->operation == Operation::kFlush ||
                      parsed->operation == Operation::kBarrier);
  }
  EXPECT_TRUE(right);
}

}  // namespace
