// SPDX-License-Identifier: GPL-2.0
// Errors as values.
#pragma once

#include <expected>
#include <utility>

namespace blkback {

// Linux errnos that the core returns or checks for (asm-generic/errno-base.h, errno.h).
inline constexpr int kEnoEnt = 2;
inline constexpr int kEio = 5;
inline constexpr int kEnxio = 6;
inline constexpr int kE2big = 7;
inline constexpr int kEnoMem = 12;
inline constexpr int kEacces = 13;
inline constexpr int kEbusy = 16;
inline constexpr int kEnoDev = 19;
inline constexpr int kEinval = 22;
inline constexpr int kEnfile = 23;
inline constexpr int kEnoSpc = 28;
inline constexpr int kEopNotSupp = 95;
inline constexpr int kEdquot = 122;

// An error: `number` is a negative errno, as in the kernel's C.
struct [[nodiscard]] Error {
  int number;
};

template <typename T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> failure(int number) {
  return std::unexpected<Error>(Error{number});
}

// If `result` has an error, returns that error from the calling function.
#define BLKBACK_RETURN_ERROR(result)                                         \
  do {                                                                       \
    const auto& result_ = (result);                                          \
    if (!result_) return std::unexpected<::blkback::Error>(result_.error()); \
  } while (false)

}  // namespace blkback
