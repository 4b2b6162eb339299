// SPDX-License-Identifier: GPL-2.0
// Starts requests: reads their descriptors, gets buffers, maps grants, submits the I/O.
//
// BEWARE: not locked: only the queue's thread may use it.
#pragma once

#include <cstdint>

#include "base/log_limits.h"
#include "queue/batch.h"
#include "queue/completions.h"
#include "queue/resources.h"
#include "queue/round_clock.h"
#include "queue/shortage.h"
#include "vbd/statistics.h"
#include "vbd/vbd.h"

namespace blkback {

class Submitter {
 public:
  Submitter(const Vbd& vbd, Resources& resources, Shortage& shortage, Completions& completions,
            RoundClock& clock, QueueCounters& counters, const RingLog& log)
      : vbd_(vbd),
        resources_(resources),
        shortage_(shortage),
        completions_(completions),
        clock_(clock),
        counters_(counters),
        log_(log) {}

  // Starts the requests of `batch`.  Each goes to the disk, to `shortage` to wait, or
  // to `completions` when it fails.
  void submit(Batch& batch, const Pass& pass);

  // Hands the next part of each request to the disk.
  void submit_parts(SlotList& parts, uint64_t now_ms);

 private:
  using Limits = PersistentGrants::Limits;
  // Looking up the grants of so few requests takes some microseconds.
  static constexpr uint32_t kQuickBatch = 16;

  void map_descriptors(Batch& batch, const Limits& limits, uint64_t now_ms);
  [[nodiscard]] bool read_descriptors(Slot& slot);
  void choose_copies(Batch& batch, uint32_t copy_bytes);
  void take_buffers(Batch& batch, uint64_t now_ms);
  void map_data(Batch& batch, const Limits& limits, uint64_t now_ms);
  [[nodiscard]] bool is_mapped(Slot& slot, SlotList& waiting);
  void refuse(Slot& slot, const Refusal& refusal);
  void hand_over(uint32_t count, uint64_t now_ms);

  const Vbd& vbd_;
  Resources& resources_;
  Shortage& shortage_;
  Completions& completions_;
  RoundClock& clock_;
  QueueCounters& counters_;
  const RingLog log_;
  host_io* ios_[Batch::kCapacity];    // for hand_over()
  wire::RawDescriptors descriptors_;  // for read_descriptors()
};

}  // namespace blkback
