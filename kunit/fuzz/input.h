// SPDX-License-Identifier: GPL-2.0
// Reads decisions from the fuzzer's bytes, in order.  After the last byte all decisions
// are zero.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t bytes) : at_(data), end_(data + bytes) {}

  [[nodiscard]] bool more() const { return at_ != end_; }

  [[nodiscard]] uint8_t byte() { return at_ == end_ ? uint8_t{0} : *at_++; }
  [[nodiscard]] bool flag() { return (byte() & 1) != 0; }
  // 0 to `bound` - 1; a bound of at most 256 takes one byte.
  [[nodiscard]] uint32_t below(uint32_t bound) { return (bound <= 256 ? byte() : word()) % bound; }
  [[nodiscard]] uint32_t word() {
    uint32_t value = 0;
    for (uint32_t i = 0; i < 4; ++i) value |= uint32_t{byte()} << (8 * i);
    return value;
  }
  template <typename T, size_t N>
  [[nodiscard]] const T& pick(const std::array<T, N>& choices) {
    return choices[below(N)];
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

}  // namespace fuzz
