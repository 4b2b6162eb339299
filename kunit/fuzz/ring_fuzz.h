// SPDX-License-Identifier: GPL-2.0
// A hostile guest on the rings of a connected device.  The input decides when the disk
// and the host fail.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "fuzz/input.h"
#include "fuzz/oracle.h"
#include "support/device_fixture.h"

namespace fuzz {

class RingFuzz {
 public:
  explicit RingFuzz(Input& input);
  ~RingFuzz();
  RingFuzz(const RingFuzz&) = delete;
  RingFuzz& operator=(const RingFuzz&) = delete;

  void run();

 private:
  static constexpr uint32_t kPages = 24;  // the last four are read-only

  [[nodiscard]] static kunit::DeviceSetup read_setup(Input& input);
  void set_host();
  void allow_all_rings();
  void connect();
  void watch_rings();

  // The guest.
  void step();
  void put_direct();
  void put_indirect();
  void put_discard();
  void put_raw();
  void scribble_slot();
  void scribble_page();
  void move_index();
  void show_and_kick();
  [[nodiscard]] uint32_t gref();
  [[nodiscard]] uint64_t sector();
  [[nodiscard]] kunit::RawSegment part();
  [[nodiscard]] kunit::Guest& guest() { return bench_->guest(ring_); }
  // Does what the guest or another CPU may do during a queue's pass.
  void disturb();

  // The host and its disk.
  void trouble();
  void end_io();
  void hold_page();
  void change_parameters();
  void grow_disk();

  // Requires that every request that was shown is taken and answered, unless the ring
  // halted.
  void settle();
  void calm();
  void reconnect();
  void end();
  [[nodiscard]] bool halted(uint32_t ring) const;

  Input& input_;
  kunit::DeviceSetup setup_;
  std::optional<kunit::DeviceFixture> bench_;
  std::optional<Oracle> oracle_;
  uint32_t ring_ = 0;  // used by the guest's next steps
  uint64_t next_id_ = 1;
  uint32_t log_at_connect_ = 0;
  uint32_t cap_ = 0;  // of the guest's memory while it is connected, in KiB
  std::vector<uint32_t> grefs_;
  std::vector<host_page*> busy_;
};

}  // namespace fuzz
