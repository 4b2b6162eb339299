// SPDX-License-Identifier: GPL-2.0
// Queues whose I/O ends on other threads.  The frontends have threads of their own.
#include <gtest/gtest.h>

#include <cstring>

#include "threads/frontend.h"

namespace {

using kunit::RawRequest;
using kunit::ask;
using threads::Device;
using threads::Frontend;
using threads::host;
using threads::random_below;

constexpr auto kRelaxed = std::memory_order_relaxed;

// Writes every block of eight sectors in its own part of the disk, reads it back, and
// so on.  Requests whose ids are equal modulo the slots share a page and a block; only
// one of them is in flight.
void write_and_read(Frontend& frontend, uint32_t part, uint64_t count) {
  const uint32_t slots = frontend.slots();
  const auto reads = [slots](uint64_t id) { return id / slots % 2 == 1; };
  const auto byte = [part, slots](uint64_t id) {
    return static_cast<uint8_t>(part * 50 + id % slots + id / slots / 2);
  };
  const auto make = [&](uint64_t id) {
    std::memset(frontend.page_of(id), reads(id) ? 0xff : byte(id), 4096);
    return ask(reads(id) ? BLKIF_OP_READ : BLKIF_OP_WRITE, id, (part * slots + id % slots) * 8,
               {{frontend.gref_of(id)}});
  };
  const auto check = [&](uint64_t id, int16_t status) {
    EXPECT_EQ(status, BLKIF_RSP_OKAY);
    if (!reads(id)) return;
    for (uint32_t at = 0; at < 4096; at += 512) ASSERT_EQ(frontend.page_of(id)[at], byte(id));
  };
  EXPECT_TRUE(frontend.run(count, make, check));
}

TEST(ThreadsQueue, SeveralRingsWriteAndReadBack) {
  Device device(4);
  ASSERT_TRUE(device.probe());
  ASSERT_TRUE(device.connect());
  std::vector<std::function<void()>> rings;
  for (uint32_t i = 0; i < 4; ++i) {
    rings.push_back([&device, i] { write_and_read(device.frontend(i), i, 600); });
  }
  threads::together(rings);
  EXPECT_TRUE(device.disconnect());
  EXPECT_EQ(host().mapped, 0);
}

TEST(ThreadsQueue, WithoutPersistentGrantsNothingIsMappedWhenAllIsAnswered) {
  Device device(2, false);
  host().busy_every = 10;
  ASSERT_TRUE(device.probe());
  ASSERT_TRUE(device.connect());
  threads::together({[&] { write_and_read(device.frontend(0), 0, 600); },
                     [&] { write_and_read(device.frontend(1), 1, 600); }});
  EXPECT_EQ(host().mapped, 0);
}

TEST(ThreadsQueue, PersistentGrantsArePurgedBesideTheRequests) {
  host().max_persistent_grants = 20;
  host().busy_every = 10;
  Device device(2);
  ASSERT_TRUE(device.probe());
  ASSERT_TRUE(device.connect());
  std::atomic<uint32_t> rings{2};
  const auto ring = [&](uint32_t i) {
    write_and_read(device.frontend(i), i, 1000);
    rings.fetch_sub(1);
  };
  const auto administrator = [&] {
    while (rings != 0) {
      host().max_persistent_grants = 5 + random_below(40);
      host().max_buffer_pages = random_below(50);
      host().log_stats = random_below(2);
      driver_parameters_changed();
      if (random_below(5) == 0) driver_reclaim_memory(device.driver());
      std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
  };
  threads::together({[&] { ring(0); }, [&] { ring(1); }, administrator});
  EXPECT_TRUE(device.disconnect());
  EXPECT_EQ(host().mapped, 0);
}

TEST(ThreadsQueue, RingsThatShareTooFewHandlesServeAllRequests) {
  host().handles_left = 24;
  Device first(2);
  Device second(1, true, 8, 9);
  ASSERT_TRUE(first.probe());
  ASSERT_TRUE(second.probe());
  ASSERT_TRUE(first.connect());
  ASSERT_TRUE(second.connect());
  threads::together({[&] { write_and_read(first.frontend(0), 0, 300); },
                     [&] { write_and_read(first.frontend(1), 1, 300); },
                     [&] { write_and_read(second.frontend(0), 2, 300); }});
  EXPECT_TRUE(first.disconnect());
  EXPECT_TRUE(second.disconnect());
  EXPECT_EQ(host().mapped, 0);
  EXPECT_EQ(host().handles_left, 24);
}

// Checks the rules of a barrier as the disk sees them.  The counters are relaxed, so
// that the disk orders nothing for the core.
struct Referee {
  std::atomic<int32_t> writes{0};
  std::atomic<int32_t> barriers{0};
  std::atomic<uint32_t> done{0};
  std::atomic<uint32_t> violations{0};

  static bool is_barrier(const host_io& io) { return io.flags == (HOST_IO_PREFLUSH | HOST_IO_FUA); }
  void submitted(const host_io& io) {
    if (io.operation == HOST_IO_READ) return;
    if (barriers.load(kRelaxed) != 0) violations.fetch_add(1, kRelaxed);
    if (is_barrier(io)) {
      if (writes.load(kRelaxed) != 0) violations.fetch_add(1, kRelaxed);
      barriers.fetch_add(1, kRelaxed);
    } else {
      writes.fetch_add(1, kRelaxed);
    }
  }
  void ended(const host_io& io) {
    if (io.operation == HOST_IO_READ) return;
    if (!is_barrier(io)) {
      writes.fetch_sub(1, kRelaxed);
      return;
    }
    // No write was submitted while the disk had the barrier.
    if (writes.load(kRelaxed) != 0) violations.fetch_add(1, kRelaxed);
    barriers.fetch_sub(1, kRelaxed);
    done.fetch_add(1, kRelaxed);
  }
};

// Writes its part of the disk.  One in `one_in` requests is a barrier of eleven blocks
// anywhere in the parts of all rings: ThreadSanitizer checks whether the rings' writes
// are ordered with it.
void write_with_barriers(Frontend& frontend, uint32_t part, uint32_t parts, uint64_t count,
                         uint32_t one_in) {
  const auto make = [&](uint64_t id) {
    if (random_below(one_in) != 0) {
      return ask(BLKIF_OP_WRITE, id, (part * frontend.slots() + id % frontend.slots()) * 8,
                 {{frontend.gref_of(id)}});
    }
    const uint32_t gref = frontend.gref_of(id);
    return ask(
        BLKIF_OP_WRITE_BARRIER, id, random_below(parts * frontend.slots() - 11) * 8,
        {{gref}, {gref}, {gref}, {gref}, {gref}, {gref}, {gref}, {gref}, {gref}, {gref}, {gref}});
  };
  EXPECT_TRUE(frontend.run(count, make,
                           [](uint64_t, int16_t status) { EXPECT_EQ(status, BLKIF_RSP_OKAY); }));
}

void expect_barriers(uint32_t rings, uint64_t count, uint32_t one_in) {
  Referee referee;
  host().submitted = [&referee](const host_io& io) { referee.submitted(io); };
  host().ended = [&referee](const host_io& io) { referee.ended(io); };
  {
    Device device(rings, false);
    ASSERT_TRUE(device.probe());
    ASSERT_TRUE(device.connect());
    std::vector<std::function<void()>> functions;
    for (uint32_t i = 0; i < rings; ++i) {
      functions.push_back([&device, i, rings, count, one_in] {
        write_with_barriers(device.frontend(i), i, rings, count, one_in);
      });
    }
    threads::together(functions);
  }
  EXPECT_EQ(referee.violations, 0u);
  EXPECT_NE(referee.done, 0u);
}

TEST(ThreadsQueue, BarriersOrderTheWritesOfTwoRings) { expect_barriers(2, 600, 15); }
TEST(ThreadsQueue, BarriersOrderTheWritesOfFourRings) { expect_barriers(4, 400, 15); }
TEST(ThreadsQueue, ManyBarriersOfManyRingsAllComeToAnEnd) { expect_barriers(3, 200, 2); }

RawRequest read_of(Frontend& frontend, uint64_t id) {
  return ask(BLKIF_OP_READ, id, 0, {{frontend.gref_of(id)}});
}

TEST(ThreadsQueue, ClosesWithIoUnderWay) {
  Device device(3);
  ASSERT_TRUE(device.probe());
  for (int round = 0; round < 25; ++round) {
    ASSERT_TRUE(device.connect());
    for (uint32_t i = 0; i < 3; ++i) {
      Frontend& frontend = device.frontend(i);
      frontend.abandon(random_below(frontend.slots() + 1),
                       [&frontend](uint64_t id) { return read_of(frontend, id); });
    }
    ASSERT_TRUE(device.disconnect());
    // The state Closed promises this.
    ASSERT_EQ(host().mapped, 0);
    ASSERT_EQ(host().rings, 0);
  }
}

TEST(ThreadsQueue, ClosesWithABarrierUnderWay) {
  Device device(3);
  ASSERT_TRUE(device.probe());
  for (int round = 0; round < 25; ++round) {
    ASSERT_TRUE(device.connect());
    for (uint32_t i = 0; i < 3; ++i) {
      Frontend& frontend = device.frontend(i);
      frontend.abandon(frontend.slots(), [&frontend, i](uint64_t id) {
        return ask(random_below(8) == 0 ? BLKIF_OP_WRITE_BARRIER : BLKIF_OP_WRITE, id,
                   (i * frontend.slots() + id) * 8, {{frontend.gref_of(id)}});
      });
    }
    ASSERT_TRUE(device.disconnect());
    ASSERT_EQ(host().mapped, 0);
  }
}

// The device's work runs all the time.  It therefore finds a queue drained before the
// queue has reported it.
TEST(ThreadsQueue, IsFoundDrainedByWhoLooksAtThatMoment) {
  Device device(4);
  ASSERT_TRUE(device.probe());
  std::atomic<bool> over{false};
  threads::together({[&] {
                       for (int round = 0; round < 60 && !HasFailure(); ++round) {
                         EXPECT_TRUE(device.connect());
                         EXPECT_TRUE(device.disconnect());
                       }
                       over = true;
                     },
                     [&] {
                       while (!over) {
                         device.state_changed();
                         std::this_thread::yield();
                       }
                     }});
  EXPECT_EQ(host().rings, 0);
}

TEST(ThreadsQueue, EventsThatComeAtAnyTimeDoNoHarm) {
  Device device(2);
  ASSERT_TRUE(device.probe());
  std::atomic<bool> over{false};
  const auto storm = [&over](uint32_t port) {
    while (!over) {
      host().event(port);
      std::this_thread::yield();
    }
  };
  threads::together({[&] {
                       for (int round = 0; round < 10; ++round) {
                         EXPECT_TRUE(device.connect());
                         write_and_read(device.frontend(0), 0, 64);
                         write_and_read(device.frontend(1), 1, 64);
                         EXPECT_TRUE(device.disconnect());
                       }
                       over = true;
                     },
                     [&] { storm(1); }, [&] { storm(2); }});
  EXPECT_EQ(host().mapped, 0);
}

TEST(ThreadsQueue, ADiskThatFailsIsAnsweredWithErrors) {
  host().io_error = -5;
  Device device(2);
  ASSERT_TRUE(device.probe());
  ASSERT_TRUE(device.connect());
  const auto ring = [&device](uint32_t i) {
    Frontend& frontend = device.frontend(i);
    EXPECT_TRUE(frontend.run(
        300, [&frontend](uint64_t id) { return read_of(frontend, id); },
        [](uint64_t, int16_t status) { EXPECT_EQ(status, BLKIF_RSP_ERROR); }));
  };
  threads::together({[&] { ring(0); }, [&] { ring(1); }});
}

}  // namespace
