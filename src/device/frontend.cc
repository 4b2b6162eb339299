// SPDX-License-Identifier: GPL-2.0
#include "device/frontend.h"

#include <optional>
#include <string_view>

#include "device/text.h"
#include "host/log.h"

namespace blkback {

namespace {

constexpr uint32_t kTextBytes = 64;

// Parses and checks the node `name`, for which host_store_read() gave `error` and `text`.
// Reports a bad value as the device's error and returns -EINVAL.
Result<uint32_t> number_of(host_device* device, const char* name, int error, const char* text,
                           uint32_t lowest, uint32_t highest) {
  if (error != 0) {
    host_device_error(device, error, "reading the frontend's %s: expected a number from %u to %u",
                      name, lowest, highest);
    return failure(-kEinval);
  }
  const std::optional<uint32_t> number = parse_number(text, 10);
  if (!number || *number < lowest || *number > highest) {
    host_device_error(device, -kEinval,
                      "the frontend's %s is '%s': expected a number from %u to %u", name, text,
                      lowest, highest);
    return failure(-kEinval);
  }
  return *number;
}

// Reads the number in the frontend's node `name`.  Returns `fallback`, if there is one, when
// the node is missing or empty.
Result<uint32_t> read_number(host_device* device, const char* name, uint32_t lowest,
                             uint32_t highest, std::optional<uint32_t> fallback) {
  char text[kTextBytes];
  const int error = host_store_read(device, HOST_STORE_FRONTEND, name, text, sizeof(text));
  if (fallback && (error == -kEnoEnt || (error == 0 && trimmed(text).empty()))) return *fallback;
  return number_of(device, name, error, text, lowest, highest);
}

Result<wire::Layout> read_layout(host_device* device, bool x86) {
  char text[kTextBytes];
  const int error = host_store_read(device, HOST_STORE_FRONTEND, "protocol", text, sizeof(text));
  // Without the node, blkif.h means the native layout.  On x86, frontends that do not write
  // the node date from before 64-bit guests; Linux' backend has always taken them for 32-bit
  // ones.
  const wire::Layout unsaid = x86 ? wire::Layout::kX86_32 : wire::Layout::kNative;
  if (error == -kEnoEnt) return unsaid;
  if (error == 0) {
    const std::string_view protocol = trimmed(text);
    if (protocol.empty()) return unsaid;
    if (protocol == XEN_IO_PROTO_ABI_NATIVE) return wire::Layout::kNative;
    if (protocol == XEN_IO_PROTO_ABI_X86_32) return wire::Layout::kX86_32;
    if (protocol == XEN_IO_PROTO_ABI_X86_64) return wire::Layout::kX86_64;
  } else {
    text[0] = '\0';
  }
  host_device_error(device, error != 0 ? error : -kEinval,
                    "the frontend's protocol is '%s': expected %s or %s", text,
                    XEN_IO_PROTO_ABI_X86_32, XEN_IO_PROTO_ABI_X86_64);
  return failure(-kEinval);
}

// Reads a switch.  It is on when the node holds a number other than 0.  Anything else means
// off, and is no reason to refuse a guest its disk.
bool read_switch(host_device* device, const char* name) {
  char text[kTextBytes];
  return host_store_read(device, HOST_STORE_FRONTEND, name, text, sizeof(text)) == 0 &&
         parse_number(text, 10).value_or(0) != 0;
}

// Reads the reference of a ring of one page.  It is in "ring-ref" (blkif.h, note 6), but old
// frontends and FreeBSD write "ring-ref0" without ring-page-order, and others write the order 0
// and "ring-ref".  When both nodes exist, reads the same one as the in-tree driver.
// `numbered`: in: read "ring-ref0" first; out: the reference is from "ring-ref0".
Result<uint32_t> read_single_ref(host_device* device, const char* directory, bool& numbered) {
  char text[kTextBytes];
  char name[kTextBytes];
  (void)host_format(name, sizeof(name), numbered ? "%sring-ref0" : "%sring-ref", directory);
  int error = host_store_read(device, HOST_STORE_FRONTEND, name, text, sizeof(text));
  if (error == -kEnoEnt) {
    char other[kTextBytes];
    (void)host_format(other, sizeof(other), numbered ? "%sring-ref" : "%sring-ref0", directory);
    error = host_store_read(device, HOST_STORE_FRONTEND, other, text, sizeof(text));
    // When both nodes are missing, the message names the one that should have been written.
    if (error != -kEnoEnt) {
      (void)host_format(name, sizeof(name), "%s", other);
      numbered = !numbered;
    }
  }
  return number_of(device, name, error, text, 0, UINT32_MAX);
}

}  // namespace

Result<FrontendConfig> read_frontend(host_device* device, const FrontendLimits& limits) {
  FrontendConfig config;

  const Result<wire::Layout> layout = read_layout(device, limits.x86);
  BLKBACK_RETURN_ERROR(layout);
  config.layout = *layout;

  const Result<uint32_t> queues =
      read_number(device, "multi-queue-num-queues", 1, limits.queues, 1);
  BLKBACK_RETURN_ERROR(queues);
  config.queues = *queues;

  // Read the order only once: it decides how many pages are mapped for every queue.
  constexpr uint32_t kAbsent = UINT32_MAX;
  const Result<uint32_t> order =
      read_number(device, "ring-page-order", 0, limits.ring_page_order, kAbsent);
  BLKBACK_RETURN_ERROR(order);
  if (*order != kAbsent) {
    config.ring_pages = 1u << *order;
    config.numbered_ring_refs = true;
  }

  if (limits.persistent && read_switch(device, "feature-persistent")) {
    config.persistence = Mapper::Persistence::kNegotiated;
  }
  return config;
}

bool same_rings(host_device* device, const FrontendConfig& config, const RingConfig& ring) {
  const auto is = [device](const char* name, uint32_t wanted, bool absent) {
    char text[kTextBytes];
    const int error = host_store_read(device, HOST_STORE_FRONTEND, name, text, sizeof(text));
    if (error == -kEnoEnt) return absent;
    return error != 0 || parse_number(text, 10).value_or(wanted) == wanted;
  };
  const char* directory = config.queues > 1 ? "queue-0/" : "";
  char ref[24];
  char channel[24];
  (void)host_format(ref, sizeof(ref), "%sring-ref%s", directory, ring.numbered_ref ? "0" : "");
  (void)host_format(channel, sizeof(channel), "%sevent-channel", directory);
  return is("multi-queue-num-queues", config.queues, true) && is(ref, ring.refs[0], true) &&
         is(channel, ring.event_channel, true);
}

Result<RingConfig> read_ring(host_device* device, const FrontendConfig& config, uint32_t queue) {
  RingConfig ring{};
  char name[kTextBytes];
  char directory[24] = "";
  if (config.queues > 1) {
    (void)host_format(directory, sizeof(directory), "queue-%u/", queue);
  }

  ring.numbered_ref = config.numbered_ring_refs;
  if (config.ring_pages == 1) {
    const Result<uint32_t> ref = read_single_ref(device, directory, ring.numbered_ref);
    BLKBACK_RETURN_ERROR(ref);
    ring.refs[0] = *ref;
  } else {
    for (uint32_t i = 0; i < config.ring_pages; ++i) {
      (void)host_format(name, sizeof(name), "%sring-ref%u", directory, i);
      const Result<uint32_t> ref = read_number(device, name, 0, UINT32_MAX, std::nullopt);
      BLKBACK_RETURN_ERROR(ref);
      ring.refs[i] = *ref;
    }
  }

  (void)host_format(name, sizeof(name), "%sevent-channel", directory);
  const Result<uint32_t> port = read_number(device, name, 0, UINT32_MAX, std::nullopt);
  BLKBACK_RETURN_ERROR(port);
  ring.event_channel = *port;
  return ring;
}

}  // namespace blkback
