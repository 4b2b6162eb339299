// SPDX-License-Identifier: GPL-2.0
// At every point of a pass at which the queue's thread calls the host, another CPU does something:
// no wake-up, response or write may be lost.
#include <functional>
#include <utility>

#include "support/expectations.h"
#include "support/held_rings.h"
#include "support/sweep.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::DiscardAsk;
using kunit::Guest;
using kunit::HeldRings;
using kunit::start_over;

// Calls `what` at the n-th crossing (Host::cross()) from now on, unless stop() comes first.
class Interruption {
 public:
  Interruption(uint32_t n, const std::function<void()>& what) {
    host().interruption = what;
    host().interrupt_at = n;
  }
  ~Interruption() { (void)stop(); }
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  // Returns whether `what` was called.
  [[nodiscard]] bool stop() {
    if (!stopped_) happened_ = host().interrupt_at == 0;
    stopped_ = true;
    host().interrupt_at = 0;
    return happened_;
  }

 private:
  bool stopped_ = false;
  bool happened_ = false;
};

// Runs `scenario(n)`, which interrupts the n-th crossing, for each crossing that there is.  Returns
// their number.
template <typename Scenario>
uint32_t with_each_crossing_interrupted(Scenario scenario) {
  return kunit::sweep(scenario, 1);
}

// The disk ends the I/O that it has had for longest.
void end_first() { host().complete(0); }

void end_all() {
  for (uint32_t i = 0; i < 100 && !host().held.empty(); ++i) {
    host().complete(0);
    host().run();
  }
}

void put_read(Guest& guest, uint64_t id) {
  guest.put(ask(BLKIF_OP_READ, id, id * 8, {{guest.grant()}}));
}

TEST(QueueInterleaving, AnIoThatEndsAtAnyMomentIsAnswered) {
  const uint32_t moments = with_each_crossing_interrupted([](uint32_t n) -> bool {
    HeldRings bench;
    EXPECT_TRUE(bench.connected);
    bench.read(0, 1);
    Interruption interruption(n, end_first);
    put_read(bench.guest(0), 2);
    bench.guest(0).show();
    bench.guest(0).kick();
    host().run();
    if (!interruption.stop()) return false;
    EXPECT_TRUE(bench.okay(0, 1));
    return true;
  });
  EXPECT_GE(moments, 10u);
}

TEST(QueueInterleaving, ARequestThatIsShownAtAnyMomentIsTaken) {
  const uint32_t moments = with_each_crossing_interrupted([](uint32_t n) -> bool {
    HeldRings bench;
    EXPECT_TRUE(bench.connected);
    host().hold_io = false;
    Guest& guest = bench.guest(0);
    put_read(guest, 1);
    guest.show();
    guest.kick();
    Interruption interruption(n, [&] { guest.send(ask(BLKIF_OP_READ, 2, 16, {{guest.grant()}})); });
    host().run();
    EXPECT_TRUE(bench.okay(0, 1));
    if (!interruption.stop()) return false;
    EXPECT_TRUE(bench.okay(0, 2));
    return true;
  });
  EXPECT_GE(moments, 10u);
}

TEST(QueueInterleaving, AWriteThatEndsAtAnyMomentLetsTheBarrierGo) {
  const uint32_t moments = with_each_crossing_interrupted([](uint32_t n) -> bool {
    HeldRings bench;
    EXPECT_TRUE(bench.connected);
    bench.write(1, 1);
    Interruption interruption(n, end_first);
    bench.barrier(0, 2);
    bench.write(1, 3);
    if (!interruption.stop()) return false;
    EXPECT_TRUE(bench.okay(1, 1));
    EXPECT_TRUE(bench.end(2));
    EXPECT_TRUE(bench.okay(0, 2));
    EXPECT_TRUE(bench.with_disk(3));
    return true;
  });
  EXPECT_GE(moments, 20u);
}

TEST(QueueInterleaving, ABarrierThatEndsAtAnyMomentLetsTheOthersGo) {
  const uint32_t moments = with_each_crossing_interrupted([](uint32_t n) -> bool {
    HeldRings bench;
    EXPECT_TRUE(bench.connected);
    bench.barrier(0, 1);
    EXPECT_TRUE(bench.with_disk(1));
    Interruption interruption(n, end_first);
    bench.write(0, 2);
    bench.barrier(1, 3);
    bench.write(1, 4);
    if (!interruption.stop()) return false;
    EXPECT_TRUE(bench.okay(0, 1));
    end_all();
    EXPECT_TRUE(bench.okay(0, 2));
    EXPECT_TRUE(bench.okay(1, 3));
    EXPECT_TRUE(bench.okay(1, 4));
    return true;
  });
  EXPECT_GE(moments, 20u);
}

// At no moment does the disk have the barrier together with an earlier or a later write.
TEST(QueueInterleaving, ABarrierThatComesAtAnyMomentKeepsTheOrder) {
  const uint32_t moments = with_each_crossing_interrupted([](uint32_t n) -> bool {
    HeldRings bench;
    EXPECT_TRUE(bench.connected);
    Guest& other = bench.guest(1);
    Interruption interruption(
        n, [&] { other.send(ask(BLKIF_OP_WRITE_BARRIER, 9, 72, {{other.grant()}})); });
    bench.write(0, 1);
    bench.write(0, 2);
    if (!interruption.stop()) return false;
    // While the disk has the barrier, it has nothing else.
    for (uint32_t i = 0; i < 10 && !host().held.empty(); ++i) {
      if (bench.with_disk(9)) {
        EXPECT_EQ(host().held.size(), 1u);
      }
      host().complete(0);
      host().run();
    }
    EXPECT_TRUE(bench.okay(1, 9));
    EXPECT_TRUE(bench.okay(0, 1));
    EXPECT_TRUE(bench.okay(0, 2));
    return true;
  });
  EXPECT_GE(moments, 20u);
}

// Writes end while the flush is taken.  A write that had no response before the flush was shown may
// be lost; one that had a response may not.
TEST(QueueInterleaving, AFlushBesideAWriteThatEndsAtAnyMomentCoversWhatWasAnswered) {
  const uint32_t moments = with_each_crossing_interrupted([](uint32_t n) -> bool {
    HeldRings bench;
    EXPECT_TRUE(bench.connected);
    bench.write(0, 1);
    EXPECT_TRUE(bench.end(1));
    EXPECT_TRUE(bench.okay(0, 1));
    bench.write(0, 2);
    bench.write(1, 3);
    Interruption interruption(n, end_first);
    bench.guest(1).send(ask(BLKIF_OP_FLUSH_DISKCACHE, 4, 0, {}));
    host().run();
    if (!interruption.stop()) return false;
    end_all();
    EXPECT_TRUE(bench.okay(1, 4));
    EXPECT_EQ(host().flush_oracle.judged(), 1u);
    EXPECT_NE(host().cache.durable(1 * 8), 0u);
    return true;
  });
  EXPECT_GE(moments, 8u);
}

// The disk may lose its cache at any moment after the response.
TEST(QueueInterleaving, WhatABarrierOrAFlushCoversIsNotLostAtAnyMoment) {
  const uint32_t moments = with_each_crossing_interrupted([](uint32_t n) -> bool {
    HeldRings bench({.queues = 2, .persistent = false});
    EXPECT_TRUE(bench.connected);
    bench.write(0, 1);
    EXPECT_TRUE(bench.end(1));
    bench.barrier(0, 2);
    EXPECT_TRUE(bench.end(2));
    uint64_t barrier = 0;
    uint64_t write = 0;
    Interruption interruption(n, [&] {
      write = host().cache.durable(1 * 8);
      barrier = host().cache.durable(2 * 8);
      host().cache.lose();
    });
    bench.write(1, 3);
    bench.guest(1).send(ask(BLKIF_OP_FLUSH_DISKCACHE, 4, 0, {}));
    host().run();
    if (!interruption.stop()) return false;
    EXPECT_NE(write, 0u);
    EXPECT_NE(barrier, 0u);
    end_all();
    return true;
  });
  EXPECT_GE(moments, 10u);
}

TEST(QueueInterleaving, APartOfADiscardThatEndsAtAnyMomentIsFollowedByTheNext) {
  const uint32_t moments = with_each_crossing_interrupted([](uint32_t n) -> bool {
    host().geometry.max_discard_sectors = 8;
    HeldRings bench;
    EXPECT_TRUE(bench.connected);
    bench.guest(0).send(DiscardAsk{.id = 1, .sector = 800, .sectors = 16});
    host().run();
    Interruption interruption(n, end_first);
    bench.read(0, 2);
    if (!interruption.stop()) return false;
    EXPECT_TRUE(bench.end(101));
    EXPECT_TRUE(bench.okay(0, 1));
    return true;
  });
  EXPECT_GE(moments, 10u);
}

TEST(QueueInterleaving, AnIoThatEndsAtAnyMomentLetsADeferredRequestGo) {
  const uint32_t moments = with_each_crossing_interrupted([](uint32_t n) -> bool {
    HeldRings bench;
    EXPECT_TRUE(bench.connected);
    host().failing.insert("host_alloc");
    Guest& guest = bench.guest(0);
    const uint32_t gref = guest.grants(12);
    guest.send(guest.indirect(BLKIF_OP_READ, 1, 8, gref, 12));
    host().run();
    EXPECT_TRUE(bench.with_disk(1));
    Interruption interruption(n, end_first);
    guest.send(guest.indirect(BLKIF_OP_READ, 2, 16, gref, 12));
    host().run();
    if (!interruption.stop()) return false;
    EXPECT_TRUE(bench.okay(0, 1));
    host().run();
    EXPECT_TRUE(bench.with_disk(2));
    return true;
  });
  EXPECT_GE(moments, 10u);
}

TEST(QueueInterleaving, ADisconnectAtAnyMomentDrainsBothRings) {
  const uint32_t moments = with_each_crossing_interrupted([](uint32_t n) -> bool {
    HeldRings bench;
    EXPECT_TRUE(bench.connected);
    Interruption interruption(n, [&] { bench.tell(HOST_XENBUS_CLOSED); });
    bench.write(1, 1);
    bench.barrier(0, 2);
    bench.write(0, 3);
    if (!interruption.stop()) return false;
    end_all();
    EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
    EXPECT_EQ(bench.guest(0).all_mappings() + bench.guest(1).all_mappings(), 0u);
    return true;
  });
  EXPECT_GE(moments, 20u);
}

// The thread is awake before the device is connected, and may make a pass at
// any moment of the connection.
TEST(QueueInterleaving, ARingIsNotReadBeforeTheFrontendIsToldThatItIsConnected) {
  uint32_t passes = 0;
  const uint32_t moments = with_each_crossing_interrupted([&passes](uint32_t n) -> bool {
    kunit::DeviceFixture bench;
    EXPECT_EQ(bench.probe(), 0);
    bench.offer();
    put_read(bench.guest(), 1);
    bench.guest().show();
    host().work_interruption = [&bench, &passes] {
      if (bench.backend_state() == HOST_XENBUS_CONNECTED) return;
      for (const auto& thread : host().threads) {
        EXPECT_EQ(driver_queue_work(thread->queue), HOST_FOREVER);
        ++passes;
      }
      EXPECT_TRUE(host().copies.empty());
    };
    host().work_interrupt_at = n;
    bench.state(HOST_XENBUS_INITIALISED);
    const bool happened = host().work_interrupt_at == 0;
    host().work_interrupt_at = 0;
    EXPECT_EQ(bench.guest().status_of(1), BLKIF_RSP_OKAY);
    return happened;
  });
  EXPECT_GE(moments, 8u);
  EXPECT_GE(passes, 2u);
}

// The end of the I/O wakes the thread, which may run before the context that ended the I/O goes on.
TEST(QueueInterleaving, AQueueIsNotGoneBeforeItsLastIoHasLeft) {
  HeldRings bench({.persistent = false});
  ASSERT_TRUE(bench.connected);
  bench.read(0, 1);
  EXPECT_FALSE(bench.disconnect());
  host().at_wake = [] {
    const uint32_t interrupts = std::exchange(host().interrupts, 0u);
    const uint32_t elsewhere = std::exchange(host().elsewhere, 0u);
    host().run();
    EXPECT_EQ(host().threads.size(), 1u);
    host().interrupts = interrupts;
    host().elsewhere = elsewhere;
  };
  host().complete(0);
  EXPECT_FALSE(host().at_wake);
  EXPECT_TRUE(bench.okay(0, 1));
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSING);
  host().sleep(10);
  EXPECT_EQ(bench.backend_state(), HOST_XENBUS_CLOSED);
  EXPECT_TRUE(host().threads.empty());
}

}  // namespace
