// SPDX-License-Identifier: GPL-2.0
// Parses values that were read from xenstore.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace blkback {

// Returns the text without blanks and ends of lines around it.  Scripts leave them, and
// scanf() of the in-tree driver skips them.
[[nodiscard]] inline std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Parses the whole text, except for blanks around it, as a number.  Returns nullopt when the
// text has other characters after the number: scanf() would leave them unread, but nobody
// knows what they mean.
[[nodiscard]] inline std::optional<uint32_t> parse_number(std::string_view text, uint32_t base) {
  text = trimmed(text);
  if (base == 16 && text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    text.remove_prefix(2);
  }
  if (text.empty()) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<uint32_t>(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<uint32_t>(c - 'A') + 10;
    } else {
      return std::nullopt;
    }
    if (digit >= base) return std::nullopt;
    value = value * base + digit;
    if (value > UINT32_MAX) return std::nullopt;
  }
  return static_cast<uint32_t>(value);
}

struct DeviceNumber {
  uint32_t major;
  uint32_t minor;
};

// "MAJOR:MINOR" in hexadecimal, as the hotplug scripts write physical-device.
[[nodiscard]] inline std::optional<DeviceNumber> parse_device_number(std::string_view text) {
  uint32_t colon = 0;
  while (colon < text.size() && text[colon] != ':') ++colon;
  if (colon == text.size()) return std::nullopt;
  // Not substr(), which needs exceptions for a position beyond the end.
  std::string_view before = text;
  before.remove_suffix(text.size() - colon);
  std::string_view behind = text;
  behind.remove_prefix(size_t{colon} + 1);
  const auto major = parse_number(before, 16);
  const auto minor = parse_number(behind, 16);
  // Linux: 12 bits of major, 20 of minor.
  if (!major || !minor || *major >= (1u << 12) || *minor >= (1u << 20)) return std::nullopt;
  return DeviceNumber{*major, *minor};
}

}  // namespace blkback
