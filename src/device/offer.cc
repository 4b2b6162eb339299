// SPDX-License-Identifier: GPL-2.0
#include "device/offer.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "device/frontend.h"
#include "device/text.h"
#include "wire/blkif.h"

namespace blkback {

namespace {

// No xen-blkback module has ever offered more than this.
constexpr uint32_t kMostQueues = 1024;
constexpr uint32_t kMostRingPageOrder = 4;
static_assert(1u << kMostRingPageOrder == kMaxRingPages);

// Reads a number from our directory; nullopt when there is none.
std::optional<uint32_t> offered(host_device* device, const char* name) {
  char text[16];
  if (host_store_read(device, HOST_STORE_BACKEND, name, text, sizeof(text)) != 0) {
    return std::nullopt;
  }
  return parse_number(text, 10);
}

}  // namespace

Result<void> Offer::publish(host_device* device, Nodes which) const {
  const host_store_node nodes[] = {
      {"multi-queue-max-queues", queues_},
      {"max-ring-page-order", ring_page_order_},
      {"feature-max-indirect-segments", wire::kMaxIndirectSegments},
      {"opened", 0},
  };
  const size_t count = which == Nodes::kLimits ? std::size(nodes) - 1 : std::size(nodes);
  const int error =
      host_device_publish(device, HOST_XENBUS_INIT_WAIT, nodes, static_cast<uint32_t>(count));
  if (error != 0) return failure(error);
  return {};
}

Result<void> Offer::continue_with(host_device* device, const host_parameters& parameters) {
  queues_ = parameters.max_queues;
  ring_page_order_ = parameters.max_ring_page_order;
  if (host_device_state(device) != HOST_XENBUS_INITIALISING) {
    // Another module has served the device before: keep its offer where it is larger.
    const uint32_t queues = offered(device, "multi-queue-max-queues").value_or(0);
    const uint32_t order = offered(device, "max-ring-page-order").value_or(0);
    queues_ = std::max(queues_, std::min(queues, kMostQueues));
    ring_page_order_ = std::max(ring_page_order_, std::min(order, kMostRingPageOrder));
  }
  return publish(device, Nodes::kLimitsAndClosedDisk);
}

Result<void> Offer::renew(host_device* device, const host_parameters& parameters) {
  if (queues_ == parameters.max_queues && ring_page_order_ == parameters.max_ring_page_order) {
    const int error = host_device_publish(device, HOST_XENBUS_INIT_WAIT, nullptr, 0);
    if (error != 0) return failure(error);
    return {};
  }
  const Offer before = *this;
  queues_ = parameters.max_queues;
  ring_page_order_ = parameters.max_ring_page_order;
  const Result<void> published = publish(device, Nodes::kLimits);
  if (!published) *this = before;
  return published;
}

bool Offer::persistent(host_device* device, const host_parameters& parameters,
                       bool frontend_connected) {
  if (parameters.feature_persistent == 0) return false;
  return !frontend_connected || offered(device, "feature-persistent").value_or(1) != 0;
}

}  // namespace blkback
