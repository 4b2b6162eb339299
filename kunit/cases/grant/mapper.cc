// SPDX-License-Identifier: GPL-2.0
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

TEST(Mapper, MapsAWholeBatchWithOneHypercall) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(5);
  TestJob one({gref, gref + 1});
  TestJob two({gref + 2});
  TestJob three({gref + 3, gref + 4});
  bench.map({&one, &two, &three});
  ASSERT_EQ(host().map_calls.size(), 1u);
  EXPECT_EQ(host().map_calls[0], 5u);
  bench.release({&one, &two, &three});
}

TEST(Mapper, TakesThePagesOfABatchWithOneCall) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(4);
  TestJob one({gref, gref + 1});
  TestJob two({gref + 2, gref + 3});
  bench.map({&one, &two});
  ASSERT_EQ(host().page_allocations.size(), 1u);
  EXPECT_EQ(host().page_allocations[0], 4u);
  bench.release({&one, &two});
}

TEST(Mapper, EachUseGetsThePageOfItsOwnGrant) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(2);
  TestJob job({gref + 1, gref});
  bench.map({&job});
  ASSERT_TRUE(job.outcome == GrantJob::Outcome::kMapped);
  EXPECT_TRUE(job.grants[0].page->mapped == bench.guest.page(gref + 1));
  EXPECT_TRUE(job.grants[1].page->mapped == bench.guest.page(gref));
  bench.release({&job});
}

TEST(Mapper, MapsForTheFrontendsDomain) {
  GrantFixture bench(kOff);
  TestJob job({bench.guest.grant()});
  bench.map({&job});
  EXPECT_EQ(host().last_domid, 7u);
  bench.release({&job});
}

TEST(Mapper, UnmapsABatchWithOneHypercallAndKeepsThePages) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(3);
  TestJob one({gref, gref + 1});
  TestJob two({gref + 2});
  bench.map({&one, &two});
  bench.release({&one, &two});
  ASSERT_EQ(host().unmap_calls.size(), 1u);
  EXPECT_EQ(host().unmap_calls[0], 3u);
  EXPECT_EQ(bench.guest.all_mappings(), 0u);
  EXPECT_EQ(bench.pool.free_pages(), 3u);
}

TEST(Mapper, AReleasedUseHoldsNothing) {
  GrantFixture bench(kOff);
  TestJob job({bench.guest.grant()});
  bench.map({&job});
  bench.release({&job});
  EXPECT_TRUE(job.grants[0].state == GrantUse::State::kUnmapped);
  EXPECT_TRUE(job.grants[0].page == nullptr);
}

TEST(Mapper, ASecondReleaseMakesNoHypercall) {
  GrantFixture bench(kOff);
  TestJob job({bench.guest.grant()});
  bench.map({&job});
  bench.release({&job});
  bench.release({&job});
  EXPECT_EQ(host().unmap_calls.size(), 1u);
}

TEST(Mapper, ARequestWithoutGrantsMakesNoHypercall) {
  GrantFixture bench(kOff);
  TestJob flush({});
  bench.map({&flush});
  EXPECT_TRUE(flush.outcome == GrantJob::Outcome::kMapped);
  bench.release({&flush});
  EXPECT_TRUE(host().map_calls.empty());
  EXPECT_TRUE(host().unmap_calls.empty());
  EXPECT_TRUE(host().page_allocations.empty());
}

TEST(Mapper, WithoutPersistenceEveryRequestMapsAnew) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grant();
  TestJob job({gref});
  bench.map({&job});
  EXPECT_TRUE(job.grants[0].state == GrantUse::State::kOrdinary);
  bench.release({&job});
  bench.map({&job});
  bench.release({&job});
  EXPECT_EQ(host().map_calls.size(), 2u);
  EXPECT_EQ(bench.mapper.persistent().count(), 0u);
}

TEST(Mapper, WithPersistenceAGrantStaysMapped) {
  GrantFixture bench(kNegotiated);
  const uint32_t gref = bench.guest.grant();
  TestJob job({gref});
  bench.map({&job});
  EXPECT_TRUE(job.grants[0].state == GrantUse::State::kPersistent);
  bench.release({&job});
  EXPECT_EQ(bench.guest.mappings(gref), 1u);
  EXPECT_TRUE(host().unmap_calls.empty());
}

TEST(Mapper, AGrantThatIsMappedPersistentlyCostsNoHypercall) {
  GrantFixture bench(kNegotiated);
  const uint32_t gref = bench.guest.grants(2);
  TestJob job({gref, gref + 1});
  bench.map({&job});
  bench.release({&job});
  bench.map({&job});
  EXPECT_TRUE(job.outcome == GrantJob::Outcome::kMapped);
  EXPECT_TRUE(job.grants[0].page->mapped == bench.guest.page(gref));
  bench.release({&job});
  EXPECT_EQ(host().map_calls.size(), 1u);
}

TEST(Mapper, OnlyTheMissingGrantsAreMapped) {
  GrantFixture bench(kNegotiated);
  const uint32_t gref = bench.guest.grants(3);
  TestJob first({gref + 1});
  bench.map({&first});
  bench.release({&first});
  TestJob second({gref, gref + 1, gref + 2});
  bench.map({&second});
  ASSERT_EQ(host().map_calls.size(), 2u);
  EXPECT_EQ(host().map_calls[1], 2u);
  EXPECT_TRUE(second.grants[0].page->mapped == bench.guest.page(gref));
  EXPECT_TRUE(second.grants[1].page->mapped == bench.guest.page(gref + 1));
  EXPECT_TRUE(second.grants[2].page->mapped == bench.guest.page(gref + 2));
  bench.release({&second});
}

TEST(Mapper, AWriteMapsReadOnlyWhenPersistenceIsOff) {
  GrantFixture bench(kOff);
  TestJob job({bench.guest.grant(Guest::Right::kReadOnly)}, true);
  bench.map({&job});
  EXPECT_TRUE(job.outcome == GrantJob::Outcome::kMapped);
  EXPECT_EQ(host().map_read_only[0], 1u);
  bench.release({&job});
}

TEST(Mapper, AReadMapsForWritingWhenPersistenceIsOff) {
  GrantFixture bench(kOff);
  TestJob job({bench.guest.grant()}, false);
  bench.map({&job});
  EXPECT_EQ(host().map_read_only[0], 0u);
  bench.release({&job});
}

TEST(Mapper, AWriteMapsForWritingWhenTheMappingMayStay) {
  GrantFixture bench(kNegotiated);
  TestJob job({bench.guest.grant()}, true);
  bench.map({&job});
  EXPECT_EQ(host().map_read_only[0], 0u);
  bench.release({&job});
}

TEST(Mapper, CountsHypercallsAndGrants) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(3);
  TestJob job({gref, gref + 1, gref + 2});
  bench.map({&job});
  bench.release({&job});
  EXPECT_EQ(bench.mapper.counters().map_calls.get(), 1u);
  EXPECT_EQ(bench.mapper.counters().mapped.get(), 3u);
  EXPECT_EQ(bench.mapper.counters().unmap_calls.get(), 1u);
  EXPECT_EQ(bench.mapper.counters().unmapped.get(), 3u);
  EXPECT_EQ(bench.mapper.counters().lost_pages.get(), 0u);
}

TEST(Mapper, MapsAsManyGrantsAsItPromises) {
  GrantFixture bench(kOff);
  constexpr uint32_t kJobs = Mapper::kCapacity / 11;
  uint32_t gref = bench.guest.grants(Mapper::kCapacity);
  std::vector<std::unique_ptr<TestJob>> jobs;
  std::vector<GrantJob*> batch;
  for (uint32_t i = 0; i < kJobs; ++i) {
    jobs.push_back(std::make_unique<TestJob>(std::initializer_list<uint32_t>{}));
    for (GrantUse& use : jobs.back()->grants) use.gref = gref++;
    jobs.back()->uses = jobs.back()->grants;
    batch.push_back(jobs.back().get());
  }
  bench.mapper.map(batch, bench.limits, bench.now_ms);
  ASSERT_EQ(host().map_calls.size(), 1u);
  EXPECT_EQ(host().map_calls[0], Mapper::kCapacity);
  bench.mapper.release(batch, bench.now_ms);
  EXPECT_EQ(host().unmap_calls.size(), 1u);
  EXPECT_EQ(bench.guest.all_mappings(), 0u);
}

TEST(Mapper, APageThatTheStorageStackHoldsMakesTheJobBusy) {
  GrantFixture bench(kOff);
  TestJob job({bench.guest.grant()});
  bench.map({&job});
  EXPECT_FALSE(Mapper::busy(job));
  job.grants[0].page->busy = true;
  EXPECT_TRUE(Mapper::busy(job));
  job.grants[0].page->busy = false;
  bench.release({&job});
}

TEST(Mapper, AHeldPageThatStaysMappedMakesTheJobBusy) {
  GrantFixture bench(kNegotiated);
  TestJob job({bench.guest.grant()});
  bench.map({&job});
  ASSERT_TRUE(job.grants[0].state == GrantUse::State::kPersistent);
  host_page* page = job.grants[0].page;
  page->busy = true;
  EXPECT_TRUE(Mapper::busy(job));
  page->busy = false;
  EXPECT_FALSE(Mapper::busy(job));
  bench.release({&job});
}

TEST(Mapper, AJobThatSharesItsPageWithAnotherIsNotBusyForThat) {
  GrantFixture bench(kNegotiated);
  const uint32_t gref = bench.guest.grant();
  TestJob one({gref});
  TestJob two({gref});
  bench.map({&one});
  bench.map({&two});
  ASSERT_TRUE(one.grants[0].page == two.grants[0].page);
  EXPECT_FALSE(Mapper::busy(one));
  bench.release({&one});
  EXPECT_FALSE(Mapper::busy(two));
  bench.release({&two});
}

TEST(Mapper, NothingBecomesPersistentWhenNothingNewIsToBeKept) {
  GrantFixture bench(kNegotiated);
  bench.limits.keep_new = false;
  TestJob job({bench.guest.grant()});
  bench.map({&job});
  EXPECT_TRUE(job.grants[0].state == GrantUse::State::kOrdinary);
  bench.release({&job});
  EXPECT_EQ(bench.guest.all_mappings(), 0u);
  EXPECT_TRUE(host().log.empty());
}

}  // namespace
