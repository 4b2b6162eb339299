// SPDX-License-Identifier: GPL-2.0
// One connection to a frontend: its rings, from attach to the last unmap.
//
// INVARIANT: when drained() nothing of the guest but the shared rings is
// mapped, and destruction unmaps those without waiting for the disk.
// BEWARE: not locked: it belongs to the device's work; what the queues share
// (pool, order, squeeze_until_ms) takes care of itself.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/owned.h"
#include "base/result.h"
#include "device/frontend.h"
#include "grant/page_pool.h"
#include "queue/queue.h"

namespace blkback {

class Connection {
 public:
  struct Config {
    host_device* device = nullptr;
    FrontendConfig frontend;
    const char* disk_name = "";  // the node "dev" without "/dev/", for thread names
    Vbd& vbd;
    Statistics& statistics;
    LogLimits& log;
    host_work& owner;  // scheduled when something has drained
  };

  // Attaches all rings; a failure leaves nothing behind and is reported as the
  // device's error, but -ENOSPC: there are no handles for the rings now.
  [[nodiscard]] static Result<Owned<Connection>> create(const Config& config);

  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void serve();
  // Does the frontend still offer the rings of this connection?
  [[nodiscard]] bool same_rings(host_device* device) const;
  void close();
  [[nodiscard]] bool closing() const { return closing_; }
  [[nodiscard]] bool drained() const;

  // For how long the disk has answered nothing, of the ring where that is the
  // longest.  Context: any.
  [[nodiscard]] uint64_t stalled_ms(uint64_t now_ms) const;

  // Parameters have changed: let the queues look.
  void wake();
  // What the queues lack that other devices may have, since the last call.
  [[nodiscard]] Scarce take_wishes() { return wishes_.take(); }
  // Others lack handles: the queues give some back.
  void give_back();
  // The host needs memory: keep no free pages until `until_ms`.
  void squeeze(uint64_t until_ms);

 private:
  FrontendConfig frontend_;
  RingConfig first_ring_{};
  // Before the queues, which use them until they are gone.
  PagePool pool_;
  WriteOrder order_;
  Wishes wishes_;
  std::atomic<uint64_t> squeeze_until_ms_{0};
  OwnedArray<Owned<Queue>> queues_;
  bool closing_ = false;
};

}  // namespace blkback
