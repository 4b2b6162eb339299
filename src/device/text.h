// SPDX-License-Identifier: GPL-2.0
// Parses values that were read from xenstore.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace blkback {

// Returns the text without blanks and ends of lines around it.  Scripts leave them, and
// scanf() of the in-tree driver skips them.
[[nodiscard]] std::string_view trimmed(std::string_view text);

// Parses the whole text, except for blanks around it, as a number.  Returns nullopt when the
// text has other characters after the number: scanf() would leave them unread, but nobody
// knows what they mean.
[[nodiscard]] std::optional<uint32_t> parse_number(std::string_view text, uint32_t base);

struct DeviceNumber {
  uint32_t major;
  uint32_t minor;
};

// "MAJOR:MINOR" in hexadecimal.
[[nodiscard]] std::optional<DeviceNumber> parse_device_number(std::string_view text);

// A disk's sequence number (host_disk_sequence()).  The kernel gives no disk 0.
[[nodiscard]] std::optional<uint64_t> parse_sequence(std::string_view text, uint32_t base);

struct PhysicalDevice {
  DeviceNumber number;
  uint64_t sequence;  // the number that the disk must have; 0: any
};

// "MAJOR:MINOR" or "DISKSEQ@MAJOR:MINOR" in hexadecimal, as the hotplug scripts write
// physical-device.
[[nodiscard]] std::optional<PhysicalDevice> parse_physical_device(std::string_view text);

}  // namespace blkback
