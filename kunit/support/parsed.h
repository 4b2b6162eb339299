// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <expected>

#include "request/request.h"

namespace kunit {

// The parsed request, or why it is refused.
inline std::expected<blkback::Request, blkback::Rejection> parse(const blkback::wire::RawSlot& slot,
                                                                 blkback::wire::Layout layout) {
  blkback::Request request;
  const std::optional<blkback::Rejection> rejection = blkback::parse(slot, layout, request);
  if (rejection.has_value()) return std::unexpected(*rejection);
  return request;
}

}  // namespace kunit
