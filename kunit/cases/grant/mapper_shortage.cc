// SPDX-License-Identifier: GPL-2.0
// The mapper when handles or pages, which all guests share, have run out.
#include "support/expectations.h"
#include "support/grant_fixture.h"

namespace {

using fake::host;
using kunit::GrantFixture;
using kunit::GrantJob;
using kunit::GrantUse;
using kunit::Mapper;
using kunit::TestJob;

constexpr auto kOff = Mapper::Persistence::kOff;
constexpr auto kNegotiated = Mapper::Persistence::kNegotiated;
constexpr auto kMapped = GrantJob::Outcome::kMapped;
constexpr auto kFailed = GrantJob::Outcome::kFailed;
constexpr auto kNoPages = GrantJob::Outcome::kNoPages;
constexpr auto kNoHandles = GrantJob::Outcome::kNoHandles;

TEST(MapperShortage, WithoutHandlesARequestDoesNotFail) {
  for (const int16_t status : {int16_t{-13}, int16_t{-7}}) {
    GrantFixture bench(kOff);
    TestJob job({bench.guest.grant()});
    host().handles_left = 0;
    host().no_handle_status = status;
    bench.map({&job});
    EXPECT_TRUE(job.outcome == kNoHandles);
    EXPECT_TRUE(host().log.empty());
    host().handles_left = 1;
    ++bench.now_ms;
    bench.map({&job});
    EXPECT_TRUE(job.outcome == kMapped);
    bench.release({&job});
  }
}

TEST(MapperShortage, WhatWasMappedBeforeTheHandlesRanOutIsGivenBack) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(3);
  TestJob job({gref, gref + 1, gref + 2});
  host().handles_left = 2;
  bench.map({&job});
  ASSERT_TRUE(job.outcome == kNoHandles);
  EXPECT_EQ(bench.guest.all_mappings(), 0u);
  EXPECT_EQ(host().handles_left, 2u);
  EXPECT_EQ(bench.pool.free_pages(), 3u);
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(job.grants[i].state == GrantUse::State::kUnmapped);
    EXPECT_TRUE(job.grants[i].page == nullptr);
  }
  EXPECT_EQ(bench.mapper.counters().mapped.get(), bench.mapper.counters().unmapped.get());
}

TEST(MapperShortage, WhatIsGivenBackOfABatchTakesOneHypercall) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(6);
  TestJob one({gref, gref + 1});
  TestJob two({gref + 2, gref + 3});
  TestJob three({gref + 4, gref + 5});
  host().handles_left = 3;
  bench.map({&one, &two, &three});
  EXPECT_TRUE(one.outcome == kMapped);
  EXPECT_TRUE(two.outcome == kNoHandles);
  EXPECT_TRUE(three.outcome == kNoHandles);
  ASSERT_EQ(host().unmap_calls.size(), 1u);
  EXPECT_EQ(host().unmap_calls[0], 1u);
  bench.release({&one});
}

TEST(MapperShortage, WhatBecamePersistentIsIdleAfterwards) {
  GrantFixture bench(kNegotiated);
  const uint32_t gref = bench.guest.grants(3);
  TestJob job({gref, gref + 1, gref + 2});
  host().handles_left = 2;
  bench.map({&job});
  ASSERT_TRUE(job.outcome == kNoHandles);
  EXPECT_EQ(bench.mapper.persistent().count(), 2u);
  EXPECT_EQ(bench.mapper.persistent().idle(), 2u);
}

TEST(MapperShortage, ABadGrantFailsItsRequestThoughHandlesRanOutToo) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(3);
  host().grants[gref + 1].status = -3;
  TestJob job({gref + 1, gref, gref + 2});
  host().handles_left = 1;
  bench.map({&job});
  EXPECT_TRUE(job.outcome == kFailed);
  bench.release({&job});
  EXPECT_EQ(bench.guest.all_mappings(), 0u);
}

// Xen processes the operations of a hypercall in their order.
[[gnu::noinline]] void expect_handles_for_the_small_ones(GrantFixture& bench) {
  host().map_calls.clear();
  const uint32_t gref = bench.guest.grants(8);
  TestJob large({gref, gref + 1, gref + 2, gref + 3});
  TestJob one({gref + 4, gref + 5});
  TestJob two({gref + 6, gref + 7});
  host().handles_left = 3;
  bench.limits.keep_new = false;
  bench.map({&large, &one, &two});
  EXPECT_TRUE(large.outcome == kNoHandles);
  EXPECT_TRUE(one.outcome == kMapped);
  EXPECT_TRUE(two.outcome == kNoHandles);
  EXPECT_EQ(host().map_calls.size(), 2u);
  EXPECT_EQ(bench.mapper.take_shortage().handles, 5u);
  bench.release({&one});
  EXPECT_EQ(host().handles_left, 3u);
}

TEST(MapperShortage, WhatALargeRequestCannotUseServesTheSmallOnesBehindIt) {
  for (const auto persistence : {kOff, kNegotiated}) {
    GrantFixture bench(persistence);
    expect_handles_for_the_small_ones(bench);
  }
}

TEST(MapperShortage, TheHypervisorIsNotAskedAgainAtOnceForAsMuch) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(8);
  TestJob first({gref, gref + 1, gref + 2, gref + 3});
  TestJob large({gref + 4, gref + 5, gref + 6});
  TestJob small({gref + 7});
  host().handles_left = 2;
  bench.map({&first});
  bench.map({&large});
  EXPECT_TRUE(large.outcome == kNoHandles);
  EXPECT_EQ(host().map_calls.size(), 1u);
  bench.map({&small});
  EXPECT_TRUE(small.outcome == kMapped);
  // The handles that the mapper itself gives back may be enough.
  bench.release({&small});
  host().handles_left = 3;
  bench.map({&large});
  EXPECT_TRUE(large.outcome == kMapped);
  bench.release({&large});
}

TEST(MapperShortage, WhatIsLackingIsToldOnce) {
  GrantFixture bench(kOff);
  const uint32_t gref = bench.guest.grants(5);
  TestJob job({gref, gref + 1, gref + 2});
  host().handles_left = 1;
  bench.map({&job});
  const Mapper::Shortage lacking = bench.mapper.take_shortage();
  EXPECT_EQ(lacking.handles, 2u);
  EXPECT_EQ(lacking.pages, 0u);
  EXPECT_EQ(bench.mapper.take_shortage().handles, 0u);
}

TEST(MapperShortage, ADryHostIsAskedTwiceForABatchOfManyRequests) {
  GrantFixture bench(kOff);
  uint32_t gref = bench.guest.grants(32);
  std::vector<std::unique_ptr<TestJob>> jobs;
  std::vector<GrantJob*> batch;
  for (uint32_t i = 0; i < 32; ++i) {
    jobs.push_back(std::make_unique<TestJob>(std::initializer_list<uint32_t>{gref++}));
    batch.push_back(jobs.back().get());
  }
  host().failing.insert("host_page_alloc");
  bench.mapper.map(batch, bench.limits, bench.now_ms);
  EXPECT_EQ(host().page_refusals, 2u);
  for (const GrantJob* job : batch) EXPECT_TRUE(job->outcome == kNoPages);
  EXPECT_EQ(bench.mapper.take_shortage().pages, 32u);
}

TEST(MapperShortage, ADryHostIsNotAskedAgainBeforeItsTime) {
  GrantFixture bench(kOff);
  TestJob job({bench.guest.grant()});
  host().failing.insert("host_page_alloc");
  bench.map({&job});
  host().failing.clear();
  bench.now_ms += 9;
  bench.map({&job});
  EXPECT_TRUE(job.outcome == kNoPages);
  EXPECT_EQ(host().page_refusals, 1u);
  EXPECT_TRUE(host().page_allocations.empty());
  bench.now_ms += 1;
  bench.map({&job});
  EXPECT_TRUE(job.outcome == kMapped);
  bench.release({&job});
}

}  // namespace
