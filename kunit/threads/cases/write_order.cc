// SPDX-License-Identifier: GPL-2.0
// WriteOrder, with each ring in a thread of its own.
#include "queue/write_order.h"

#include <gtest/gtest.h>

#include "threads/frontend.h"

namespace {

using blkback::WriteOrder;

constexpr auto kRelaxed = std::memory_order_relaxed;

struct TestRing {
  WriteOrder::Member ring;
  host_thread thread;
  // Writes in flight.  Relaxed: WriteOrder alone must order its accesses.
  std::atomic<uint32_t> under_way{0};
  // Stands for the data that the ring's writes leave on the disk.  Not atomic:
  // ThreadSanitizer reports accesses that WriteOrder does not order.
  uint64_t written = 0;
};

class Rings {
 public:
  explicit Rings(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) rings_.push_back(std::make_unique<TestRing>());
  }

  // Each ring does `turns` writes and barriers in all, and leaves.
  void run(uint32_t turns, uint32_t one_barrier_in) {
    std::vector<std::function<void()>> functions;
    for (const auto& ring : rings_) {
      functions.push_back(
          [this, &ring, turns, one_barrier_in] { serve(*ring, turns, one_barrier_in); });
    }
    threads::together(functions);
  }

  std::atomic<uint32_t> barriers{0};  // completed
  std::atomic<uint32_t> violations{0};
  std::atomic<uint32_t> lost_wakeups{0};

 private:
  // The disk has a barrier: earlier writes have ended, and no write is in flight until
  // the barrier ends.
  void barrier() {
    if (with_disk_.exchange(true, kRelaxed)) violations.fetch_add(1, kRelaxed);
    for (int look = 0; look < 3; ++look) {
      for (const auto& ring : rings_) {
        if (ring->under_way.load(kRelaxed) != 0) violations.fetch_add(1, kRelaxed);
        seen_ += ring->written;
      }
      std::this_thread::yield();
    }
    with_disk_.store(false, kRelaxed);
    barriers.fetch_add(1, kRelaxed);
  }

  // Does what a queue does in its passes.
  void serve(TestRing& test, uint32_t turns, uint32_t one_barrier_in) {
    WriteOrder::Member& ring = test.ring;
    test.thread.become();
    ring.join(order_, &test.thread, nullptr);
    uint32_t mine = 0;
    bool wants_barrier = false;
    while (turns != 0 || mine != 0) {
      host_thread_clear_wakeups(&test.thread);
      bool holding = ring.look();
      if (holding) ring.acknowledge();
      bool progress = false;
      if (mine != 0 && threads::random_below(3) != 0) {
        --mine;
        ++test.written;
        test.under_way.fetch_sub(1, kRelaxed);
        ring.end_write();
        progress = true;
        // The raiser may call quiet() before tell_raiser() wakes it.
        if (threads::random_below(4) == 0) std::this_thread::yield();
      }
      if (wants_barrier) {
        if (ring.try_raise(0)) {
          holding = true;
          if (ring.quiet()) {
            ring.begin_write();
            barrier();
            ring.end_write();
            ring.lower();
            wants_barrier = false;
            --turns;
            progress = true;
          }
        }
      } else if (turns != 0 && threads::random_below(one_barrier_in) == 0) {
        wants_barrier = true;
        progress = true;
      } else if (turns != 0 && !holding && mine < 3) {
        ring.begin_write();
        test.under_way.fetch_add(1, kRelaxed);
        if (with_disk_.load(kRelaxed)) violations.fetch_add(1, kRelaxed);
        seen_by_write(test);
        ++mine;
        --turns;
        progress = true;
      }
      if (holding) ring.tell_raiser();
      if (progress || mine != 0) continue;
      // A queue also wakes up for other reasons, such as the end of a read: make another
      // pass without a wake-up by WriteOrder.
      if (wants_barrier && threads::random_below(50) != 0) {
        std::this_thread::yield();
        continue;
      }
      if (!test.thread.sleep(kPatienceMs)) {
        lost_wakeups.fetch_add(1, kRelaxed);
        break;
      }
    }
    ring.leave();
  }

  // A write reads the state that barriers before it have left: it is ordered after them.
  void seen_by_write(TestRing& test) { test.written += seen_ & 1; }

  static constexpr uint32_t kPatienceMs =
      static_cast<uint32_t>(threads::kPatience.count()) * 1000 * threads::kSpeed;

  WriteOrder order_;
  std::vector<std::unique_ptr<TestRing>> rings_;
  std::atomic<bool> with_disk_{false};
  uint64_t seen_ = 0;  // stands for the data that the barriers leave on the disk
};

void expect_order(uint32_t rings, uint32_t turns, uint32_t one_barrier_in) {
  Rings all(rings);
  all.run(turns, one_barrier_in);
  EXPECT_EQ(all.violations, 0u);
  EXPECT_EQ(all.lost_wakeups, 0u);
  EXPECT_NE(all.barriers, 0u);
}

TEST(ThreadsWriteOrder, TwoRingsKeepTheOrder) { expect_order(2, 3000, 20); }
TEST(ThreadsWriteOrder, FourRingsKeepTheOrder) { expect_order(4, 2000, 20); }
TEST(ThreadsWriteOrder, RingsThatAllWantBarriersTakeTurns) { expect_order(3, 1000, 2); }

TEST(ThreadsWriteOrder, NothingButBarriersComesToAnEnd) {
  Rings all(4);
  all.run(300, 1);
  EXPECT_EQ(all.violations, 0u);
  EXPECT_EQ(all.lost_wakeups, 0u);
  EXPECT_EQ(all.barriers, 4u * 300);
}

TEST(ThreadsWriteOrder, RingsThatComeAndGoHoldNobodyUp) {
  for (int i = 0; i < 100; ++i) {
    Rings all(3);
    all.run(1 + threads::random_below(20), 3);
    ASSERT_EQ(all.violations, 0u);
    ASSERT_EQ(all.lost_wakeups, 0u);
  }
}

}  // namespace
