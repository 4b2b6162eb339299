// SPDX-License-Identifier: GPL-2.0
// A ring's event channel, with late end-of-interrupt (XSA-332).
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "base/result.h"
#include "host/event.h"

namespace blkback {

class EventChannel {
 public:
  EventChannel() = default;
  EventChannel(const EventChannel&) = delete;
  EventChannel& operator=(const EventChannel&) = delete;

  // Binds the frontend's channel.  From then on driver_event(queue) is called for each event.
  // Errors: -ENFILE: this domain has no channel left; others of host_event_bind().
  [[nodiscard]] Result<void> bind(host_device* device, uint32_t port, driver_queue* queue) {
    const int error = host_event_bind(device, port, queue, &channel_);
    if (error == 0) return {};
    channel_ = nullptr;
    // The caller takes -ENOSPC for a shortage of grant handles, which passes, and retries.
    return failure(error == -kEnoSpc ? -kEnfile : error);
  }
  void unbind() {
    if (channel_ != nullptr) host_event_unbind(std::exchange(channel_, nullptr));
  }

  void notify() { host_event_notify(channel_); }

  // Records that an event has come.  Context: interrupt.  Relaxed: the caller wakes the thread,
  // which orders the flag; no data goes with it.
  void note_event() { pending_.store(true, std::memory_order_relaxed); }
  // Returns true when an event has come whose interrupt is not ended, and clears the record.
  // The caller then calls end_of_interrupt().
  [[nodiscard]] bool take_event() { return pending_.exchange(false, std::memory_order_relaxed); }
  // `useful`: there was something to do for the event.  The host slows down a storm of events
  // that are not useful.
  void end_of_interrupt(bool useful) { host_event_eoi(channel_, useful ? 0 : 1); }

 private:
  host_event_channel* channel_ = nullptr;
  std::atomic<bool> pending_{false};
};

}  // namespace blkback
