// SPDX-License-Identifier: GPL-2.0
// Errors as values.
#pragma once

#include <expected>
#include <utility>

namespace blkback {

// Linux errnos that the core itself returns or tells apart (asm-generic/errno-base.h).
inline constexpr int kEnoEnt = 2;
inline constexpr int kEio = 5;
inline constexpr int kEnoMem = 12;
inline constexpr int kEacces = 13;
inline constexpr int kEbusy = 16;
inline constexpr int kEnoDev = 19;
inline constexpr int kEinval = 22;
inline constexpr int kEnfile = 23;
inline constexpr int kEnoSpc = 28;
inline constexpr int kEopNotSupp = 95;

// Why something could not be done: a negative errno, as the kernel's C has it.
struct [[nodiscard]] Error {
  int number;
};

template <typename T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> failure(int number) {
  return std::unexpected<Error>(Error{number});
}

// Returns from the function with the error of `result`, if it has one.
#define BLKBACK_RETURN_ERROR(result)                                         \
  do {                                                                       \
    const auto& result_ = (result);                                          \
    if (!result_) return std::unexpected<::blkback::Error>(result_.error()); \
  } while (false)

}  // namespace blkback
