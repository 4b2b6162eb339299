// SPDX-License-Identifier: GPL-2.0
#include "device/connection.h"

#include <algorithm>

#include "host/log.h"

namespace blkback {

Result<Owned<Connection>> Connection::create(const Config& config) {
  Owned<Connection> connection = make_owned<Connection>(config.account, config.frontend.queues);
  if (connection) {
    connection->queues_ = OwnedArray<Owned<Queue>>::create(config.frontend.queues);
  }
  if (!connection || connection->queues_.empty()) {
    host_device_error(config.device, -kEnoMem, "allocating a connection of %u queues",
                      config.frontend.queues);
    return failure(-kEnoMem);
  }

  connection->frontend_ = config.frontend;
  const Queue::Shared shared{.vbd = config.vbd,
                             .pool = connection->pool_,
                             .order = connection->order_,
                             .statistics = config.statistics,
                             .log = config.log,
                             .owner = config.owner,
                             .wishes = connection->wishes_,
                             .squeeze_until_ms = connection->squeeze_until_ms_};
  for (uint32_t i = 0; i < config.frontend.queues; ++i) {
    const Result<void> attached = connection->attach(config, shared, i);
    BLKBACK_RETURN_ERROR(attached);
  }
  return connection;
}

Result<void> Connection::attach(const Config& config, const Queue::Shared& shared, uint32_t index) {
  const Result<RingConfig> ring = read_ring(config.device, config.frontend, index);
  BLKBACK_RETURN_ERROR(ring);
  if (index == 0) first_ring_ = *ring;

  char name[32];
  (void)host_format(name, sizeof(name), "%u.%s-%u", host_device_domid(config.device),
                    config.disk_name, index);
  const QueueConfig queue_config{
      .device = config.device,
      .ring_refs = std::span<const uint32_t>(ring->refs, config.frontend.ring_pages),
      .event_channel = ring->event_channel,
      .layout = config.frontend.layout,
      .persistence = config.frontend.persistence,
      .index = index,
      .name = name};
  Result<Owned<Queue>> queue = Queue::create(queue_config, shared);
  if (!queue) {
    // -ENOSPC is a shortage of handles: the caller tries again and reports it in the end.
    if (queue.error().number != -kEnoSpc) {
      host_device_error(config.device, queue.error().number,
                        "attaching ring %u (%u pages from ring-ref %u, event-channel %u)", index,
                        config.frontend.ring_pages, ring->refs[0], ring->event_channel);
    }
    return std::unexpected<Error>(queue.error());
  }
  queues_[index] = std::move(*queue);
  return {};
}

bool Connection::same_rings(host_device* device) const {
  return blkback::same_rings(device, frontend_, first_ring_);
}

void Connection::serve() {
  for (Owned<Queue>& queue : queues_.all()) queue->serve();
}

void Connection::close() {
  if (closing_) return;
  closing_ = true;
  for (Owned<Queue>& queue : queues_.all()) queue->close();
}

bool Connection::drained() const {
  for (const Owned<Queue>& queue : queues_.all()) {
    if (!queue->drained()) return false;
  }
  return true;
}

uint32_t Connection::thread_pid(uint32_t queue) const { return queues_[queue]->thread_pid(); }

uint64_t Connection::stalled_ms(uint64_t now_ms) const {
  uint64_t longest = 0;
  for (const Owned<Queue>& queue : queues_.all()) {
    longest = std::max(longest, queue->stalled_ms(now_ms));
  }
  return longest;
}

void Connection::inspect(driver_connection_info& info) const {
  info.rings = frontend_.queues;
  info.ring_pages = frontend_.ring_pages;
  info.slots = queues_[0]->slots();
  info.protocol = static_cast<uint32_t>(frontend_.layout);
  info.free_pages = pool_.free_pages();
  info.persistent = frontend_.persistence == Mapper::Persistence::kNegotiated ? 1 : 0;
}

void Connection::wake() {
  for (Owned<Queue>& queue : queues_.all()) queue->wake();
}

void Connection::give_back() {
  for (Owned<Queue>& queue : queues_.all()) queue->give_back();
}

void Connection::squeeze(uint64_t until_ms) {
  // Never shorten a squeeze that lasts longer.
  if (until_ms > squeeze_until_ms_.load(std::memory_order_relaxed)) {
    squeeze_until_ms_.store(until_ms, std::memory_order_relaxed);
  }
  pool_.shrink_free_pagepool(0);
  for (Owned<Queue>& queue : queues_.all()) {
    if (queue->private_pages() != 0) queue->wake();
  }
}

}  // namespace blkback
