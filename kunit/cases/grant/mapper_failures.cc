// SPDX-License-Identifier: GPL-2.0
// The mapper when a part of a batch fails.
#include "host/log.h"
#include "support/expectations.h"
#include "support/grant_fixture.h"

namespace {

using fake::host;
using kunit::GrantFixture;
using kunit::GrantJob;
using kunit::GrantUse;
using kunit::Guest;
using kunit::Mapper;
using kunit::TestJob;

constexpr auto kOff = Mapper::Persistence::kOff;
constexpr auto kNegotiated = Mapper::Persistence::kNegotiated;
constexpr auto kMapped = GrantJob::Outcome::kMapped;
constexpr auto kFailed = GrantJob::Outcome::kFailed;
constexpr auto kNoPages = GrantJob::Outcome::kNoPages;

TEST(MapperFailures, AGrantThatFailsToMapFailsOnlyItsOwnRequest) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(3);
  host().grants[gref + 1].status = -3;
  TestJob good({gref});
  TestJob bad({gref + 1});
  TestJob fine({gref + 2});
  bench.map({&good, &bad, &fine});
  EXPECT_TRUE(good.outcome == kMapped);
  EXPECT_TRUE(bad.outcome == kFailed);
  EXPECT_TRUE(fine.outcome == kMapped);
  EXPECT_TRUE(fine.grants[0].page->mapped == bench.guest.page(gref + 2));
  bench.release({&good, &bad, &fine});
}

TEST(MapperFailures, ThePageOfAGrantThatFailedReturnsToThePool) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(2);
  host().grants[gref].status = -3;
  TestJob job({gref, gref + 1});
  bench.map({&job});
  EXPECT_EQ(bench.pool.free_pages(), 1u);
  EXPECT_TRUE(job.grants[0].page == nullptr);
  bench.release({&job});
  EXPECT_EQ(bench.pool.free_pages(), 2u);
}

TEST(MapperFailures, AFailedRequestsOtherGrantsAreUnmapped) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(3);
  host().grants[gref + 1].status = -1;
  TestJob job({gref, gref + 1, gref + 2});
  bench.map({&job});
  ASSERT_TRUE(job.outcome == kFailed);
  bench.release({&job});
  EXPECT_EQ(bench.guest.all_mappings(), 0u);
  ASSERT_EQ(host().unmap_calls.size(), 1u);
  EXPECT_EQ(host().unmap_calls[0], 2u);
}

TEST(MapperFailures, AGrantReferenceThatDoesNotExistFailsItsRequest) {
  GrantFixture bench(kOff);
  TestJob job({4000000000u});
  bench.map({&job});
  EXPECT_TRUE(job.outcome == kFailed);
  EXPECT_EQ(host().logged("grant reference 4000000000 could not be mapped"), 1u);
  bench.release({&job});
  EXPECT_TRUE(host().unmap_calls.empty());
}

TEST(MapperFailures, AReadIntoAPageGrantedReadOnlyFails) {
  GrantFixture bench(kOff);
  TestJob job({bench.guest.grant(Guest::Right::kReadOnly)}, false);
  bench.map({&job});
  EXPECT_TRUE(job.outcome == kFailed);
  bench.release({&job});
}

TEST(MapperFailures, WhenEveryGrantFailsNothingIsUnmapped) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(4);
  TestJob one({gref, gref + 1});
  TestJob two({gref + 2, gref + 3});
  host().failing.insert("host_grant_map");
  bench.map({&one, &two});
  EXPECT_TRUE(one.outcome == kFailed);
  EXPECT_TRUE(two.outcome == kFailed);
  bench.release({&one, &two});
  EXPECT_TRUE(host().unmap_calls.empty());
  EXPECT_EQ(bench.pool.free_pages(), 4u);
}

TEST(MapperFailures, AFailedGrantDoesNotBecomePersistent) {
  GrantFixture bench(kNegotiated);
  const uint32_t gref = bench.guest.grants(2);
  host().grants[gref].status = -3;
  TestJob job({gref, gref + 1});
  bench.map({&job});
  ASSERT_TRUE(job.outcome == kFailed);
  EXPECT_EQ(bench.mapper.persistent().count(), 1u);
  bench.release({&job});
  EXPECT_TRUE(bench.mapper.persistent().use(gref) == nullptr);
}

TEST(MapperFailures, AGrantThatFailedOnceIsMappedWhenAskedForAgain) {
  GrantFixture bench(kNegotiated);
  const uint32_t gref = bench.guest.grant();
  host().grants[gref].status = -3;
  TestJob job({gref});
  bench.map({&job});
  bench.release({&job});
  host().grants[gref].status = 0;
  bench.map({&job});
  EXPECT_TRUE(job.outcome == kMapped);
  bench.release({&job});
}

TEST(MapperFailures, WithNoPagesAtAllNothingIsMapped) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(2);
  TestJob one({gref});
  TestJob two({gref + 1});
  host().failing.insert("host_page_alloc");
  bench.map({&one, &two});
  EXPECT_TRUE(one.outcome == kNoPages);
  EXPECT_TRUE(two.outcome == kNoPages);
  EXPECT_TRUE(host().map_calls.empty());
  EXPECT_TRUE(one.grants[0].page == nullptr);
}

TEST(MapperFailures, WithPagesForSomeTheFirstRequestsAreMapped) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(6);
  TestJob one({gref, gref + 1});
  TestJob two({gref + 2, gref + 3});
  TestJob three({gref + 4, gref + 5});
  host().pages_left = 4;
  bench.map({&one, &two, &three});
  EXPECT_TRUE(one.outcome == kMapped);
  EXPECT_TRUE(two.outcome == kMapped);
  EXPECT_TRUE(three.outcome == kNoPages);
  ASSERT_EQ(host().map_calls.size(), 1u);
  EXPECT_EQ(host().map_calls[0], 4u);
  EXPECT_TRUE(one.grants[0].page->mapped == bench.guest.page(gref));
  EXPECT_TRUE(two.grants[1].page->mapped == bench.guest.page(gref + 3));
  bench.release({&one, &two});
}

TEST(MapperFailures, ARequestTooLargeForThePagesDoesNotHoldUpASmallerOne) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(4);
  TestJob large({gref, gref + 1, gref + 2});
  TestJob small({gref + 3});
  host().pages_left = 2;
  bench.map({&large, &small});
  EXPECT_TRUE(large.outcome == kNoPages);
  ASSERT_TRUE(small.outcome == kMapped);
  EXPECT_TRUE(small.grants[0].page->mapped == bench.guest.page(gref + 3));
  bench.release({&small});
}

TEST(MapperFailures, ARequestWithoutPagesHoldsNoPersistentGrant) {
  GrantFixture bench(kNegotiated);
  const uint32_t gref = bench.guest.grants(2);
  TestJob first({gref});
  bench.map({&first});
  bench.release({&first});
  host().failing.insert("host_page_alloc");
  TestJob second({gref, gref + 1});
  bench.map({&second});
  ASSERT_TRUE(second.outcome == kNoPages);
  EXPECT_TRUE(second.grants[0].persistent == nullptr);
  blkback::PersistentGrantList purged;
  bench.mapper.persistent().purge_idle(purged);
  EXPECT_EQ(purged.size(), 1u);
  while (blkback::PersistentGrant* grant = purged.pop_front()) {
    const auto entered =
        bench.mapper.persistent().enter(grant->gref(), grant->handle, grant->page, bench.limits);
    if (entered) bench.mapper.persistent().put(**entered, bench.now_ms);
    blkback::Owned<blkback::PersistentGrant>(grant).reset();
  }
}

TEST(MapperFailures, ARequestWhoseGrantsAreAllPersistentNeedsNoPages) {
  GrantFixture bench(kNegotiated);
  const uint32_t gref = bench.guest.grants(2);
  TestJob first({gref});
  bench.map({&first});
  bench.release({&first});
  host().failing.insert("host_page_alloc");
  TestJob starved({gref + 1});
  TestJob served({gref});
  bench.map({&starved, &served});
  EXPECT_TRUE(starved.outcome == kNoPages);
  EXPECT_TRUE(served.outcome == kMapped);
  EXPECT_EQ(host().map_calls.size(), 1u);
  bench.release({&served});
}

TEST(MapperFailures, ARequestWithoutPagesCanBeTriedAgainAsItIs) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(2);
  TestJob job({gref, gref + 1});
  host().failing.insert("host_page_alloc");
  bench.map({&job});
  ASSERT_TRUE(job.outcome == kNoPages);
  host().failing.clear();
  bench.now_ms += 10;
  bench.map({&job});
  EXPECT_TRUE(job.outcome == kMapped);
  bench.release({&job});
}

TEST(MapperFailures, WithoutMemoryForTheNodeTheGrantIsUsedOnce) {
  GrantFixture bench(kNegotiated);
  const uint32_t gref = bench.guest.grant();
  TestJob job({gref});
  host().failing.insert("host_alloc");
  bench.map({&job});
  EXPECT_TRUE(job.outcome == kMapped);
  EXPECT_TRUE(job.grants[0].state == GrantUse::State::kOrdinary);
  bench.release({&job});
  EXPECT_EQ(bench.guest.mappings(gref), 0u);
  EXPECT_EQ(host().logged("maximum"), 0u);
}

TEST(MapperFailures, WithTheTreeFullAGrantIsUsedOnceAndUnmapped) {
  GrantFixture bench(kNegotiated);
  bench.limits.max_grants = 1;
  const uint32_t gref = bench.guest.grants(2);
  TestJob job({gref, gref + 1});
  bench.map({&job});
  EXPECT_TRUE(job.outcome == kMapped);
  EXPECT_TRUE(job.grants[0].state == GrantUse::State::kPersistent);
  EXPECT_TRUE(job.grants[1].state == GrantUse::State::kOrdinary);
  bench.release({&job});
  EXPECT_EQ(bench.guest.mappings(gref), 1u);
  EXPECT_EQ(bench.guest.mappings(gref + 1), 0u);
}

TEST(MapperFailures, TheOverflowIsLoggedOnce) {
  GrantFixture bench(kNegotiated);
  bench.limits.max_grants = 1;
  const uint32_t gref = bench.guest.grants(3);
  TestJob job({gref, gref + 1, gref + 2});
  bench.map({&job});
  bench.release({&job});
  bench.map({&job});
  bench.release({&job});
  EXPECT_EQ(host().logged("maximum of 1 persistent grants", HOST_LOG_INFO), 1u);
}

TEST(MapperFailures, ADuplicateInOneBatchIsOrdinaryAndRaisesAnAlert) {
  GrantFixture bench(kNegotiated);
  const uint32_t gref = bench.guest.grant();
  TestJob one({gref});
  TestJob two({gref});
  bench.map({&one, &two});
  EXPECT_TRUE(one.outcome == kMapped);
  EXPECT_TRUE(two.outcome == kMapped);
  EXPECT_TRUE(one.grants[0].state == GrantUse::State::kPersistent);
  EXPECT_TRUE(two.grants[0].state == GrantUse::State::kOrdinary);
  EXPECT_EQ(host().logged("mapped persistently already", HOST_LOG_ALERT), 1u);
  bench.release({&one, &two});
  EXPECT_EQ(bench.guest.mappings(gref), 1u);
}

TEST(MapperFailures, ADuplicateInOneRequestIsServed) {
  GrantFixture bench(kNegotiated);
  const uint32_t gref = bench.guest.grant();
  TestJob job({gref, gref});
  bench.map({&job});
  EXPECT_TRUE(job.outcome == kMapped);
  EXPECT_TRUE(job.grants[1].page->mapped == bench.guest.page(gref));
  bench.release({&job});
  EXPECT_EQ(bench.guest.mappings(gref), 1u);
}

TEST(MapperFailures, ADuplicateWithoutPersistenceRaisesNoAlert) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grant();
  TestJob job({gref, gref});
  bench.map({&job});
  EXPECT_TRUE(job.outcome == kMapped);
  EXPECT_TRUE(host().log.empty());
  bench.release({&job});
}

TEST(MapperFailures, APageThatWasNotUnmappedIsLostAndNeverUsedAgain) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(3);
  TestJob job({gref, gref + 1, gref + 2});
  bench.map({&job});
  const host_page* lost = job.grants[1].page;
  host().sticky_handles.insert(job.grants[1].handle);
  bench.release({&job});
  EXPECT_EQ(bench.pool.free_pages(), 2u);
  EXPECT_EQ(bench.mapper.counters().lost_pages.get(), 1u);
  bench.map({&job});
  for (const GrantUse& use : job.grants) EXPECT_TRUE(use.page != lost);
  bench.release({&job});
}

TEST(MapperFailures, AFailedUnmapLeavesTheOthersOfItsBatchUnharmed) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(3);
  TestJob job({gref, gref + 1, gref + 2});
  bench.map({&job});
  host().sticky_handles.insert(job.grants[0].handle);
  bench.release({&job});
  EXPECT_EQ(bench.guest.mappings(gref), 1u);
  EXPECT_EQ(bench.guest.mappings(gref + 1), 0u);
  EXPECT_EQ(bench.guest.mappings(gref + 2), 0u);
  EXPECT_EQ(bench.mapper.counters().unmapped.get(), 2u);
  EXPECT_EQ(host().logged("did not unmap grant handle", HOST_LOG_ALERT), 1u);
}

TEST(MapperFailures, CreationFailsCleanlyAtEveryAllocation) {
  uint32_t failures = 0;
  for (uint32_t n = 1; n < 100; ++n) {
    host().fail_call = n;
    const GrantFixture bench(kOff);
    host().fail_call = 0;
    if (bench.created) break;
    ++failures;
  }
  EXPECT_EQ(failures, 3u);
}

}  // namespace
