// SPDX-License-Identifier: GPL-2.0
#include "device/text.h"

namespace blkback {

namespace {

std::optional<uint32_t> digit_of(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint32_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint32_t>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<uint32_t>(c - 'A') + 10;
  return std::nullopt;
}

std::optional<uint64_t> parse_up_to(std::string_view text, uint32_t base, uint64_t highest) {
  text = trimmed(text);
  if (base == 16 && text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    text.remove_prefix(2);
  }
  if (text.empty()) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    const std::optional<uint32_t> digit = digit_of(c);
    if (!digit || *digit >= base || *digit > highest) return std::nullopt;
    if (value > (highest - *digit) / base) return std::nullopt;
    value = value * base + *digit;
  }
  return value;
}

struct Halves {
  std::string_view before;
  std::string_view behind;
};

// Splits the text at its first `separator`; nullopt when it has none.
std::optional<Halves> split(std::string_view text, char separator) {
  size_t at = 0;
  while (at < text.size() && text[at] != separator) ++at;
  if (at == text.size()) return std::nullopt;
  // Not substr(), which needs exceptions for a position beyond the end.
  Halves halves{text, text};
  halves.before.remove_suffix(text.size() - at);
  halves.behind.remove_prefix(at + 1);
  return halves;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<uint32_t> parse_number(std::string_view text, uint32_t base) {
  const std::optional<uint64_t> number = parse_up_to(text, base, UINT32_MAX);
  if (!number) return std::nullopt;
  return static_cast<uint32_t>(*number);
}

std::optional<DeviceNumber> parse_device_number(std::string_view text) {
  const std::optional<Halves> halves = split(text, ':');
  if (!halves) return std::nullopt;
  const auto major = parse_number(halves->before, 16);
  const auto minor = parse_number(halves->behind, 16);
  // Linux: 12 bits of major, 20 of minor.
  if (!major || !minor || *major >= (1u << 12) || *minor >= (1u << 20)) return std::nullopt;
  return DeviceNumber{*major, *minor};
}

std::optional<uint64_t> parse_sequence(std::string_view text, uint32_t base) {
  const std::optional<uint64_t> sequence = parse_up_to(text, base, UINT64_MAX);
  if (!sequence || *sequence == 0) return std::nullopt;
  return sequence;
}

std::optional<PhysicalDevice> parse_physical_device(std::string_view text) {
  PhysicalDevice device{};
  if (const std::optional<Halves> halves = split(text, '@')) {
    const std::optional<uint64_t> sequence = parse_sequence(halves->before, 16);
    if (!sequence) return std::nullopt;
    device.sequence = *sequence;
    text = halves->behind;
  }
  const auto number = parse_device_number(text);
  if (!number) return std::nullopt;
  device.number = *number;
  return device;
}

}  // namespace blkback
