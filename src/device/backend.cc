// SPDX-License-Identifier: GPL-2.0
#include "device/backend.h"

#include <optional>
#include <string_view>

#include "device/text.h"
#include "host/log.h"

namespace blkback {

namespace {

bool contains(std::string_view text, char wanted) {
  for (const char c : text) {
    if (c == wanted) return true;
  }
  return false;
}

// Reads the sequence number that the disk must have: of the node "diskseq", or of
// physical-device, or of both.  Returns false, and reports the device's error, on failure.
bool read_sequence(host_device* device, BackendConfig& config) {
  char text[32];
  const int error = host_store_read(device, HOST_STORE_BACKEND, "diskseq", text, sizeof(text));
  if (error == -kEnoEnt || (error == 0 && trimmed(text).empty())) return true;
  const std::optional<uint64_t> named = error == 0 ? parse_sequence(text, 16) : std::nullopt;
  if (!named) {
    host_device_error(device, error != 0 ? error : -kEinval,
                      "diskseq is '%s': expected the disk's sequence number in hexadecimal",
                      error == 0 ? text : "");
    return false;
  }
  if (config.sequence != 0 && config.sequence != *named) {
    host_device_error(device, -kEinval,
                      "diskseq is '%s', but physical-device is '%s': expected the same number",
                      text, config.physical_device);
    return false;
  }
  config.sequence = *named;
  return true;
}

void read_disk_name(host_device* device, BackendConfig& config) {
  char text[64];
  if (host_store_read(device, HOST_STORE_BACKEND, "dev", text, sizeof(text)) != 0) return;
  constexpr std::string_view kDirectory = "/dev/";
  const char* name = text;
  if (std::string_view(text).substr(0, kDirectory.size()) == kDirectory) {
    name = text + kDirectory.size();
  }
  (void)host_format(config.disk_name, sizeof(config.disk_name), "%s", name);
}

}  // namespace

Result<BackendConfig> read_backend(host_device* device) {
  BackendConfig config;
  int error = host_store_read(device, HOST_STORE_BACKEND, "physical-device", config.physical_device,
                              sizeof(config.physical_device));
  // An empty node counts as a missing one, as for all nodes: here a drive without a medium.
  if (error == 0 && trimmed(config.physical_device).empty()) error = -kEnoEnt;
  if (error == -kEnoEnt) return failure(error);
  const std::optional<PhysicalDevice> named =
      error == 0 ? parse_physical_device(config.physical_device) : std::nullopt;
  if (!named) {
    if (error == 0) error = -kEinval;
    host_device_error(
        device, error,
        "physical-device is '%s': expected MAJOR:MINOR or DISKSEQ@MAJOR:MINOR in hexadecimal",
        error == -kEinval ? config.physical_device : "");
    return failure(-kEinval);
  }
  config.vbd.major = config.disk_info.major = named->number.major;
  config.vbd.minor = config.disk_info.minor = named->number.minor;
  config.sequence = named->sequence;
  if (!read_sequence(device, config)) return failure(-kEinval);

  error = host_store_read(device, HOST_STORE_BACKEND, "mode", config.disk_info.mode,
                          sizeof(config.disk_info.mode));
  if (error != 0) {
    host_device_error(device, error, "reading mode: expected r or w");
    return failure(-kEinval);
  }
  config.vbd.access = contains(config.disk_info.mode, 'w') ? Access::kReadWrite : Access::kReadOnly;

  char type[16];
  config.vbd.cdrom =
      host_store_read(device, HOST_STORE_FRONTEND, "device-type", type, sizeof(type)) == 0 &&
      std::string_view(type) == "cdrom";

  char discard[16];
  config.vbd.discard = host_store_read(device, HOST_STORE_BACKEND, "discard-enable", discard,
                                       sizeof(discard)) != 0 ||
                       parse_number(discard, 10).value_or(1) != 0;
  read_disk_name(device, config);
  return config;
}

bool is_same_disk(host_device* device, const BackendConfig& config, const Vbd& vbd) {
  const uint64_t found = host_disk_sequence(vbd.disk());
  if (config.sequence == 0 || config.sequence == found) return true;
  host_device_error(device, -kEnoDev,
                    "device %s: expected the disk with the sequence number 0x%llx, found the one "
                    "with 0x%llx",
                    config.physical_device, static_cast<unsigned long long>(config.sequence),
                    static_cast<unsigned long long>(found));
  return false;
}

bool is_disk_of_before(host_device* device, const BackendConfig& config, const Vbd& vbd) {
  // A medium that was changed is no mistake.
  if (config.sequence != 0 || config.vbd.cdrom) return true;
  char text[32];
  const int error =
      host_store_read(device, HOST_STORE_BACKEND, HOST_STORE_OPENED_DISK, text, sizeof(text));
  if (error == -kEnoEnt) return true;
  const std::optional<uint64_t> before = error == 0 ? parse_sequence(text, 10) : std::nullopt;
  const uint64_t found = host_disk_sequence(vbd.disk());
  if (before == found) return true;
  host_device_error(device, error != 0 ? error : -kEnoDev,
                    "device %s: its sequence number is 0x%llx, but " HOST_STORE_OPENED_DISK
                    " has '%s' in decimal: before an unbind, this was another disk; if it is the "
                    "right one, write diskseq and physical-device",
                    config.physical_device, static_cast<unsigned long long>(found),
                    error == 0 ? text : "");
  return false;
}

bool serves_blocks(host_device* device, const BackendConfig& config, const Vbd& vbd) {
  if (vbd.serves_blocks()) return true;
  host_device_error(device, -kEinval,
                    "device %s has logical blocks of %u bytes: the protocol carries pages, so at "
                    "most %u are supported",
                    config.physical_device, vbd.geometry().logical_block_bytes, wire::kPageBytes);
  return false;
}

}  // namespace blkback
