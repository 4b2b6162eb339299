// SPDX-License-Identifier: GPL-2.0
// A connected device of several rings.  Its disk ends no I/O before the case says so.
#pragma once

#include <cstddef>
#include <cstdint>

#include "support/device_fixture.h"

namespace kunit {

class HeldRings : public DeviceFixture {
 public:
  explicit HeldRings(const DeviceSetup& setup = {.queues = 2, .persistent = false})
      : DeviceFixture(setup) {
    connected = connect();
    fake::host().hold_io = true;
  }

  bool connected;

  // Sends a request of one page, and runs threads and works until nothing is due.
  void send(uint32_t queue, uint8_t operation, uint64_t id, uint64_t sector) {
    guest(queue).send(ask(operation, id, sector, {{guest(queue).grant()}}));
    fake::host().run();
  }
  void write(uint32_t queue, uint64_t id) { send(queue, BLKIF_OP_WRITE, id, id * 8); }
  void read(uint32_t queue, uint64_t id) { send(queue, BLKIF_OP_READ, id, id * 8); }
  void barrier(uint32_t queue, uint64_t id) { send(queue, BLKIF_OP_WRITE_BARRIER, id, id * 8); }

  // Does the disk have the request's I/O?  Looks for its sector, id * 8.
  [[nodiscard]] bool with_disk(uint64_t id) const { return place(id) != kNowhere; }

  // Ends the request's I/O, and runs threads and works until nothing is due.  Returns false if the
  // disk does not have the I/O.
  [[nodiscard]] bool end(uint64_t id, int error = 0) {
    const size_t at = place(id);
    if (at == kNowhere) return false;
    fake::host().complete(at, error);
    fake::host().run();
    return true;
  }

  [[nodiscard]] bool okay(uint32_t queue, uint64_t id) {
    return guest(queue).status_of(id) == BLKIF_RSP_OKAY;
  }
  [[nodiscard]] bool waits(uint32_t queue, uint64_t id) {
    return !with_disk(id) && guest(queue).status_of(id) == Guest::kNoAnswer;
  }

 private:
  static constexpr size_t kNowhere = SIZE_MAX;

  [[nodiscard]] static size_t place(uint64_t id) {
    const auto& held = fake::host().held;
    for (size_t i = 0; i < held.size(); ++i) {
      if (held[i]->operation != HOST_IO_FLUSH && held[i]->sector == id * 8) return i;
    }
    return kNowhere;
  }
};

}  // namespace kunit
