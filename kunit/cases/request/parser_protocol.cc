// SPDX-License-Identifier: GPL-2.0
// Slots of indirect requests, discards and barriers.
#include <initializer_list>

#include "request/request.h"
#include "support/expectations.h"
#include "support/guest.h"
#include "support/parsed.h"
#include "support/random.h"

namespace {

using blkback::Operation;
using blkback::Request;
using blkback::Status;
using blkback::wire::RawSlot;
using kunit::ask;
using kunit::RawRequest;
using kunit::DiscardAsk;
using kunit::IndirectAsk;
using kunit::Layout;
using kunit::parse;

constexpr Layout kLayouts[] = {Layout::kNative, Layout::kX86_32, Layout::kX86_64};
constexpr uint64_t kId = 0x0123456789abcdefu;
constexpr uint64_t kSector = 0x1122334455667788u;

constexpr IndirectAsk kIndirect{.indirect_op = BLKIF_OP_WRITE,
                                .count = 256,
                                .handle = 0x7788,
                                .id = kId,
                                .sector = kSector,
                                .gref = 0xcafe1234u};
constexpr DiscardAsk kDiscard{.flag = BLKIF_DISCARD_SECURE,
                              .handle = 0x7788,
                              .id = kId,
                              .sector = kSector,
                              .sectors = 0x99aabbccddeeff01u};

template <typename AnyAsk>
auto parsed(Layout layout, const AnyAsk& request) {
  RawSlot slot;
  kunit::write_slot(slot.bytes, layout, request);
  return parse(slot, layout);
}

template <typename AnyAsk>
bool accepted(const AnyAsk& request) {
  for (const Layout layout : kLayouts) {
    if (!parsed(layout, request).has_value()) return false;
  }
  return true;
}

// Is the request refused with ERROR in all layouts, with its id and with this operation?
template <typename AnyAsk>
bool refused(const AnyAsk& request, uint8_t operation) {
  for (const Layout layout : kLayouts) {
    const auto result = parsed(layout, request);
    if (result.has_value()) return false;
    if (result.error().status != Status::kError || result.error().reason == nullptr) return false;
    if (result.error().key.id != request.id) return false;
    if (result.error().key.operation != operation) return false;
  }
  return true;
}

bool indirect_complete(Layout layout) {
  const auto result = parsed(layout, kIndirect);
  return result.has_value() && result->indirect && result->operation == Operation::kWrite &&
         result->key.id == kId && result->key.operation == BLKIF_OP_WRITE &&
         result->segment_count == 256 && result->sector == kSector &&
         result->descriptor_gref == 0xcafe1234u && result->sectors == 0;
}

bool discard_complete(Layout layout) {
  const auto result = parsed(layout, kDiscard);
  return result.has_value() && !result->indirect && result->operation == Operation::kDiscard &&
         result->key.id == kId && result->key.operation == BLKIF_OP_DISCARD && result->secure &&
         result->segment_count == 0 && result->sector == kSector &&
         result->sectors == 0x99aabbccddeeff01u;
}

TEST(ParserIndirect, TakesEveryFieldFromItsPlaceInTheNativeLayout) {
  EXPECT_TRUE(indirect_complete(Layout::kNative));
}

TEST(ParserIndirect, TakesEveryFieldFromItsPlaceInThe32BitLayout) {
  EXPECT_TRUE(indirect_complete(Layout::kX86_32));
}

TEST(ParserIndirect, TakesEveryFieldFromItsPlaceInThe64BitLayout) {
  EXPECT_TRUE(indirect_complete(Layout::kX86_64));
}

TEST(ParserIndirect, KnowsReadsAndWrites) {
  for (const Layout layout : kLayouts) {
    const auto read = parsed(layout, IndirectAsk{.indirect_op = BLKIF_OP_READ, .count = 1});
    const auto write = parsed(layout, IndirectAsk{.indirect_op = BLKIF_OP_WRITE, .count = 1});
    ASSERT_TRUE(read.has_value() && write.has_value());
    EXPECT_TRUE(read->operation == Operation::kRead);
    EXPECT_EQ(read->key.operation, BLKIF_OP_READ);
    EXPECT_TRUE(write->operation == Operation::kWrite);
    EXPECT_EQ(write->key.operation, BLKIF_OP_WRITE);
  }
}

TEST(ParserIndirect, AcceptsOneTo256Segments) {
  for (uint16_t count = 1; count <= 256; ++count) {
    EXPECT_TRUE(accepted(IndirectAsk{.count = count, .id = kId}));
  }
}

TEST(ParserIndirect, RefusesNoSegments) {
  EXPECT_TRUE(refused(IndirectAsk{.count = 0, .id = kId}, BLKIF_OP_READ));
}

TEST(ParserIndirect, RefusesEveryCountOfSegmentsAbove256) {
  bool right = true;
  for (uint32_t count = 257; count <= 65535; ++count) {
    const IndirectAsk request{
        .indirect_op = BLKIF_OP_WRITE, .count = static_cast<uint16_t>(count), .id = kId};
    right = right && refused(request, BLKIF_OP_WRITE);
  }
  EXPECT_TRUE(right);
}

TEST(ParserIndirect, RefusesEveryOtherOperationInsideAndEchoesIt) {
  for (uint32_t code = 2; code < 256; ++code) {
    const auto operation = static_cast<uint8_t>(code);
    EXPECT_TRUE(refused(IndirectAsk{.indirect_op = operation, .count = 1, .id = kId}, operation));
  }
}

TEST(ParserIndirect, WithABadOperationInsideTheCountDoesNotMatter) {
  for (const uint16_t count : std::initializer_list<uint16_t>{0, 256, 257, 65535}) {
    const IndirectAsk request{.indirect_op = BLKIF_OP_INDIRECT, .count = count, .id = kId};
    EXPECT_TRUE(refused(request, BLKIF_OP_INDIRECT));
  }
}

TEST(ParserIndirect, ItIsNoDirectRequestWhateverStandsWhereSegmentsWould) {
  const auto result = parsed(Layout::kX86_64, kIndirect);
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(result->indirect);
  EXPECT_FALSE(result->secure);
}

TEST(ParserDiscard, TakesEveryFieldFromItsPlaceInTheNativeLayout) {
  EXPECT_TRUE(discard_complete(Layout::kNative));
}

TEST(ParserDiscard, TakesEveryFieldFromItsPlaceInThe32BitLayout) {
  EXPECT_TRUE(discard_complete(Layout::kX86_32));
}

TEST(ParserDiscard, TakesEveryFieldFromItsPlaceInThe64BitLayout) {
  EXPECT_TRUE(discard_complete(Layout::kX86_64));
}

TEST(ParserDiscard, OnlyTheLowestBitOfTheFlagsMakesItSecure) {
  for (uint32_t flag = 0; flag < 256; ++flag) {
    for (const Layout layout : kLayouts) {
      const auto result =
          parsed(layout, DiscardAsk{.flag = static_cast<uint8_t>(flag), .sectors = 1});
      ASSERT_TRUE(result.has_value());
      EXPECT_EQ(result->secure, (flag & 1) != 0);
    }
  }
}

TEST(ParserDiscard, RefusesADiscardOfNoSectors) {
  EXPECT_TRUE(refused(DiscardAsk{.id = kId, .sectors = 0}, BLKIF_OP_DISCARD));
}

TEST(ParserDiscard, AcceptsEveryOtherNumberOfSectors) {
  for (uint32_t bit = 0; bit < 64; ++bit) {
    EXPECT_TRUE(accepted(DiscardAsk{.id = kId, .sectors = uint64_t{1} << bit}));
  }
  EXPECT_TRUE(accepted(DiscardAsk{.id = kId, .sectors = UINT64_MAX}));
}

TEST(ParserBarrier, AcceptsNoneToElevenSegments) {
  for (uint32_t count = 0; count <= 11; ++count) {
    RawRequest request = ask(BLKIF_OP_WRITE_BARRIER, kId, 7, {});
    request.count = static_cast<uint8_t>(count);
    for (uint32_t i = 0; i < 11; ++i) request.parts[i] = {.gref = 100 + i, .first = 1, .last = 2};
    for (const Layout layout : kLayouts) {
      const auto result = parsed(layout, request);
      ASSERT_TRUE(result.has_value());
      EXPECT_TRUE(result->operation == Operation::kBarrier);
      EXPECT_EQ(result->key.operation, BLKIF_OP_WRITE_BARRIER);
      EXPECT_EQ(result->segment_count, count);
      EXPECT_EQ(result->sectors, 2u * count);
    }
  }
}

TEST(ParserBarrier, RefusesMoreThanElevenSegments) {
  for (uint32_t count = 12; count < 256; ++count) {
    RawRequest request = ask(BLKIF_OP_WRITE_BARRIER, kId, 7, {});
    request.count = static_cast<uint8_t>(count);
    EXPECT_TRUE(refused(request, BLKIF_OP_WRITE_BARRIER));
  }
}

TEST(ParserBarrier, RefusesABadSegment) {
  EXPECT_TRUE(refused(ask(BLKIF_OP_WRITE_BARRIER, kId, 0, {{.gref = 9, .first = 3, .last = 8}}),
                      BLKIF_OP_WRITE_BARRIER));
  EXPECT_TRUE(refused(ask(BLKIF_OP_WRITE_BARRIER, kId, 0, {{.gref = 9, .first = 3, .last = 2}}),
                      BLKIF_OP_WRITE_BARRIER));
}

TEST(ParserProtocol, OnlyAReadChangesNothing) {
  EXPECT_FALSE(blkback::writes(Operation::kRead));
  for (const Operation operation :
       {Operation::kWrite, Operation::kFlush, Operation::kBarrier, Operation::kDiscard}) {
    EXPECT_TRUE(blkback::writes(operation));
  }
}

TEST(ParserProtocol, DescriptorsOfAPageAreCheckedAsThoseOfASlot) {
  bool right = true;
  for (uint32_t first = 0; first < 256; ++first) {
    for (uint32_t last = 0; last < 256; ++last) {
      const blkif_request_segment descriptor{.gref = 77,
                                             .first_sect = static_cast<uint8_t>(first),
                                             .last_sect = static_cast<uint8_t>(last)};
      const auto segment = blkback::parse_segment(descriptor);
      right = right && segment.has_value() == (first <= last && last <= 7);
      if (segment.has_value()) {
        right = right && segment->gref == 77 && segment->first == first && segment->last == last;
      }
    }
  }
  EXPECT_TRUE(right);
}

TEST(ParserProtocol, RandomSlotsYieldOnlyRequestsThatCannotBeWrong) {
  kunit::Random random;
  bool right = true;
  for (uint32_t i = 0; i < 30000; ++i) {
    RawSlot slot;
    for (uint8_t& byte : slot.bytes) byte = static_cast<uint8_t>(random.below(256));
    slot.bytes[0] = static_cast<uint8_t>(BLKIF_OP_DISCARD + random.below(2));
    slot.bytes[1] = static_cast<uint8_t>(random.below(3));
    if (random.below(2) == 0) slot.bytes[3] = static_cast<uint8_t>(random.below(2));
    const auto result = parse(slot, kLayouts[random.below(3)]);
    if (!result.has_value()) {
      right = right && result.error().status == Status::kError;
      continue;
    }
    const Request& request = *result;
    if (request.indirect) {
      right = right && request.segment_count >= 1 && request.segment_count <= 256 &&
              (request.operation == Operation::kRead || request.operation == Operation::kWrite);
    } else {
      right = right && request.operation == Operation::kDiscard && request.segment_count == 0 &&
              request.sectors != 0;
    }
  }
  EXPECT_TRUE(right);
}

}  // namespace
