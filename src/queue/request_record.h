// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "driver_inspection.h"
#include "request/request.h"

namespace blkback {

// BLKIF_OP_*; not BLKIF_OP_INDIRECT.
[[nodiscard]] uint8_t wire_operation(Operation operation);

// The request in a slot as the frontend asked for it, and how far it has come.  The I/O in the
// slot may be a part of it only.
//
// The queue's thread writes the record and may call everything.  Other contexts call read(),
// which pairs with begin(): taken_ns_ is the first of a request's values that is cleared and the
// last one that is set, so values between two equal ones of taken_ns_ belong together.  A slot
// gets its next request in another round, and thus at another time.
class RequestRecord {
 public:
  // A request was taken.
  void begin(const Request& request, uint64_t now_ns) {
    sector_.store(request.sector, std::memory_order_release);
    sectors_.store(request.sectors, std::memory_order_release);
    shape_.store(uint32_t{request.segment_count} << kSegmentsShift |
                     static_cast<uint32_t>(request.operation),
                 std::memory_order_release);
    submitted_ns_.store(0, std::memory_order_release);
    ended_ns_.store(0, std::memory_order_release);
    taken_ns_.store(now_ns, std::memory_order_release);
  }
  // The descriptors of an indirect request were read.
  void set_sectors(uint64_t sectors) { sectors_.store(sectors, std::memory_order_release); }
  // The request, or a part of it, goes to the disk.
  void submitted(uint64_t now_ns) {
    if (submitted_ns() == 0) {
      submitted_ns_.store(now_ns, std::memory_order_release);
    } else {
      ended_ns_.store(0, std::memory_order_release);
    }
  }
  // The thread has seen that the disk has ended it.
  void ended(uint64_t now_ns) { ended_ns_.store(now_ns, std::memory_order_release); }
  // The request was answered.
  void end() { taken_ns_.store(0, std::memory_order_relaxed); }

  [[nodiscard]] uint64_t taken_ns() const { return taken_ns_.load(std::memory_order_acquire); }
  // When the first part went to the disk; 0: nothing did.
  [[nodiscard]] uint64_t submitted_ns() const {
    return submitted_ns_.load(std::memory_order_acquire);
  }
  // When the disk has ended the last part; 0: the disk has a part, or got none.
  [[nodiscard]] uint64_t ended_ns() const { return ended_ns_.load(std::memory_order_acquire); }
  [[nodiscard]] uint64_t sector() const { return sector_.load(std::memory_order_acquire); }
  [[nodiscard]] uint64_t sectors() const { return sectors_.load(std::memory_order_acquire); }
  [[nodiscard]] Operation operation() const {
    return static_cast<Operation>(shape_.load(std::memory_order_acquire) & kOperationMask);
  }
  // Fills `info` unless the slot has no request, or gets another one meanwhile.  Context: any.
  [[nodiscard]] bool read(uint64_t now_ns, driver_request_info& info) const;

 private:
  // Relaxed: operation() reads the same object after it.
  [[nodiscard]] uint16_t segments() const {
    return static_cast<uint16_t>(shape_.load(std::memory_order_relaxed) >> kSegmentsShift);
  }

  static constexpr uint32_t kSegmentsShift = 16;
  static constexpr uint32_t kOperationMask = 0xff;

  // 0: the slot has no request.
  std::atomic<uint64_t> taken_ns_{0};
  std::atomic<uint64_t> submitted_ns_{0};
  std::atomic<uint64_t> ended_ns_{0};
  std::atomic<uint64_t> sector_{0};
  std::atomic<uint64_t> sectors_{0};
  std::atomic<uint32_t> shape_{0};  // segments and operation
};

}  // namespace blkback
