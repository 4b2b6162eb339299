// SPDX-License-Identifier: GPL-2.0
// Two xenbus devices.  The input decides their nodes, states, disks and failures.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/input.h"
#include "fuzz/xenbus.h"

namespace fuzz {

class DeviceFuzz {
 public:
  explicit DeviceFuzz(Input& input);
  ~DeviceFuzz();
  DeviceFuzz(const DeviceFuzz&) = delete;
  DeviceFuzz& operator=(const DeviceFuzz&) = delete;

  void run();

 private:
  [[nodiscard]] Xenbus& bus() { return *buses_[which_]; }

  void step();
  // Does what another CPU may do during a device's work or a queue's pass.
  void disturb();
  void event();
  void write_frontend();
  void write_backend();
  [[nodiscard]] std::string text();
  void next_state();
  void do_io();
  void end_io();
  void trouble();
  void change_disk();
  void change_parameters();

  // Ends all injected failures and all I/O.
  void calm();
  // Requires that a correct frontend gets its disk, whatever happened before.
  void connect(Xenbus& bus);
  void end();

  Input& input_;
  std::vector<std::unique_ptr<Xenbus>> buses_;
  uint32_t which_ = 0;
  uint64_t next_id_ = 1;
};

}  // namespace fuzz
