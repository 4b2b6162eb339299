// SPDX-License-Identifier: GPL-2.0
// Random schedules: which thread runs, when an I/O ends, and when a frontend shows its next
// request, also in the middle of a thread's pass.  The loss of the disk's cache is tested at every
// moment.  A failure prints the seed that repeats it.
#include <string>

#include "support/expectations.h"
#include "support/held_rings.h"
#include "support/random.h"
#include "support/sweep.h"

namespace {

using fake::host;
using kunit::ask;
using kunit::HeldRings;
using kunit::Random;

constexpr uint32_t kQueues = 3;
constexpr uint64_t kRequests = 60;

// The frontend, the disk and the scheduler of one run.  They check these rules:
//  - A barrier goes to the disk when all writes shown before it are done.  The disk has no other
//    write at the same time.
//  - Writes behind a barrier in its ring go to the disk when the barrier is done.
//  - If barriers of two rings wait at the same time, either may be the first, and need not wait
//    for the writes behind the other.
//  - When a flush or a barrier is answered, all writes that were answered before it was shown are
//    durable.  With a barrier also all writes before it in its ring are.
class Schedule : public HeldRings {
 public:
  explicit Schedule(Random& random)
      : HeldRings({.queues = kQueues, .persistent = random.below(2) == 0}), random_(random) {
    host().choose = [this](uint32_t choices) { return random_.below(choices); };
    host().interruption = [this] {
      step();
      interrupt_soon();
    };
  }
  ~Schedule() {
    host().interrupt_at = 0;
    host().interruption = nullptr;
    host().choose = nullptr;
  }

  // Returns false if a rule was broken.
  bool run() {
    interrupt_soon();
    while (shown_ < kRequests || !host().held.empty()) {
      if (random_.below(3) == 0 || !host().run_once()) step();
      look();
    }
    host().interrupt_at = 0;
    host().run();
    look();
    // Requests that were held back go to the disk now.
    while (!host().held.empty()) {
      end_one();
      host().run();
      look();
    }
    return kept_;
  }

  bool all_answered() {
    bool good = true;
    for (uint64_t id = 1; id <= kRequests; ++id) {
      if (okay(asked_.at(id).queue, id)) continue;
      ADD_FAILURE() << name(id) << " was not answered well";
      good = false;
    }
    return good;
  }

 private:
  struct Asked {
    uint32_t queue;
    uint8_t operation;
    fake::FlatSet<uint64_t> earlier;  // writes shown before it that had not ended
    fake::FlatSet<uint64_t> covered;  // of a flush or barrier: writes that are durable after it
  };

  [[nodiscard]] static bool writes(uint8_t operation) {
    return operation == BLKIF_OP_WRITE || operation == BLKIF_OP_WRITE_BARRIER;
  }

  void interrupt_soon() { host().interrupt_at = 1 + random_.below(40); }

  // What other CPUs do meanwhile: the frontend shows a request, or an I/O ends.
  void step() {
    if (shown_ < kRequests && random_.below(2) == 0) {
      show_one();
    } else {
      end_one();
    }
  }

  void show_one() {
    static constexpr uint8_t kOperations[] = {BLKIF_OP_READ, BLKIF_OP_WRITE, BLKIF_OP_WRITE,
                                              BLKIF_OP_FLUSH_DISKCACHE, BLKIF_OP_WRITE_BARRIER};
    const uint32_t queue = random_.below(kQueues);
    if (shown_in_[queue] - guest(queue).answers() == guest(queue).slots()) return;
    ++shown_in_[queue];
    const uint64_t id = ++shown_;
    const uint8_t operation = kOperations[random_.below(5)];
    asked_[id] = {.queue = queue,
                  .operation = operation,
                  .earlier = unfinished_,
                  .covered = covered_by(queue, operation, id)};
    if (operation == BLKIF_OP_FLUSH_DISKCACHE) {
      guest(queue).send(ask(operation, id, id * 8, {}));
      return;
    }
    if (writes(operation)) unfinished_.insert(id);
    const uint32_t gref = guest(queue).grant();
    guest(queue).fill(gref, byte_of(id));
    guest(queue).send(ask(operation, id, id * 8, {{gref}}));
  }

  [[nodiscard]] static uint8_t byte_of(uint64_t id) { return static_cast<uint8_t>(id + 0x40); }

  // The writes that must be durable when a flush or barrier that is shown now is answered.
  fake::FlatSet<uint64_t> covered_by(uint32_t queue, uint8_t operation, uint64_t id) {
    fake::FlatSet<uint64_t> covered;
    if (operation != BLKIF_OP_FLUSH_DISKCACHE && operation != BLKIF_OP_WRITE_BARRIER)
      return covered;
    for (uint64_t other = 1; other < id; ++other) {
      const Asked& asked = asked_.at(other);
      if (!writes(asked.operation)) continue;
      const bool precedes_barrier = operation == BLKIF_OP_WRITE_BARRIER && asked.queue == queue;
      if (precedes_barrier || okay(asked.queue, other)) covered.insert(other);
    }
    if (operation == BLKIF_OP_WRITE_BARRIER) covered.insert(id);
    return covered;
  }

  // Checks that a loss now would spare all writes that answered flushes and barriers cover.
  void look_at_medium() {
    for (auto& [id, asked] : asked_) {
      if (asked.covered.empty() || !okay(asked.queue, id)) continue;
      for (const uint64_t other : asked.covered) durable_.insert(other);
      asked.covered.clear();
    }
    for (const uint64_t id : durable_) {
      if (host().cache.byte_after_loss(id * 8 * 512) == byte_of(id)) continue;
      kept_ = false;
      ADD_FAILURE() << name(id) << " would be lost";
    }
  }

  void end_one() {
    look();
    if (host().held.empty()) return;
    const size_t at = random_.below(static_cast<uint32_t>(host().held.size()));
    const uint64_t id = host().held[at]->sector / 8;
    with_disk_.erase(id);
    unfinished_.erase(id);
    host().complete(at);
  }

  // Checks the I/Os that went to the disk since the last call, and the medium.
  void look() {
    for (; looked_ < host().ios.size(); ++looked_) {
      const auto& io = host().ios[looked_];
      if (io.operation == HOST_IO_FLUSH) continue;
      submitted(io.sector / 8);
    }
    look_at_medium();
  }

  void submitted(uint64_t id) {
    const Asked& asked = asked_.at(id);
    if (writes(asked.operation)) {
      for (const uint64_t other : with_disk_) {
        if (asked_.at(other).operation == BLKIF_OP_WRITE_BARRIER ||
            (asked.operation == BLKIF_OP_WRITE_BARRIER &&
             asked_.at(other).operation == BLKIF_OP_WRITE)) {
          broken(id, "went to the disk together with", other);
        }
      }
      for (const uint64_t other : asked.earlier) {
        if (unfinished_.contains(other) && precedes(other, asked)) broken(id, "overtook", other);
      }
    }
    with_disk_.insert(id);
  }

  // The write `first` was shown before `then` and is not done.  Must it be done before `then`?
  bool precedes(uint64_t first, const Asked& then) {
    const Asked& asked = asked_.at(first);
    if (then.operation != BLKIF_OP_WRITE_BARRIER) {
      return asked.operation == BLKIF_OP_WRITE_BARRIER && asked.queue == then.queue;
    }
    return asked.queue == then.queue || !behind_barrier(first);
  }

  // Is the write a barrier, or is it behind a barrier of its ring that is not done?
  bool behind_barrier(uint64_t id) {
    for (const uint64_t other : unfinished_) {
      if (other <= id && asked_.at(other).operation == BLKIF_OP_WRITE_BARRIER &&
          asked_.at(other).queue == asked_.at(id).queue) {
        return true;
      }
    }
    return false;
  }

  void broken(uint64_t id, const char* what, uint64_t other) {
    kept_ = false;
    ADD_FAILURE() << name(id) << " " << what << " " << name(other);
  }

  std::string name(uint64_t id) {
    const Asked& asked = asked_.at(id);
    return "operation " + std::to_string(asked.operation) + " of request " + std::to_string(id) +
           " in ring " + std::to_string(asked.queue);
  }

  Random& random_;
  uint64_t shown_ = 0;
  uint32_t shown_in_[kQueues] = {};
  size_t looked_ = host().ios.size();
  bool kept_ = true;
  fake::FlatMap<uint64_t, Asked> asked_;
  fake::FlatSet<uint64_t> unfinished_;  // writes shown and not ended
  fake::FlatSet<uint64_t> with_disk_;
  fake::FlatSet<uint64_t> durable_;  // writes that must survive a loss of the cache
};

TEST(QueueSchedules, FlushesCoverAndBarriersKeepTheOrderUnderAnySchedule) {
  Random random;
  for (uint32_t round = 0; round < 100 / kunit::sweep_stride(); ++round) {
    Schedule schedule(random);
    ASSERT_TRUE(schedule.connected);
    ASSERT_TRUE(schedule.run());
    ASSERT_TRUE(schedule.all_answered());
    ASSERT_GT(host().flush_oracle.judged(), 0u);
  }
}

}  // namespace
