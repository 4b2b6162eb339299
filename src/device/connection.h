// SPDX-License-Identifier: GPL-2.0
// One connection to a frontend: its rings, from attach to the last unmap.
//
// INVARIANT: when drained() is true, only the shared rings of the guest are mapped.  The
// destructor unmaps them without waiting for the disk.
// BEWARE: not locked: only the device's work may call functions without a "Context".  The
// objects that the queues share (pool, order, wishes, squeeze_until_ms) synchronise themselves.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/account.h"
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
    Account& account;
    FrontendConfig frontend;
    const char* disk_name = "";  // the node "dev" without "/dev/", for thread names
    Vbd& vbd;
    Statistics& statistics;
    LogLimits& log;
    host_work& owner;  // the device's work; see Queue::Shared
  };

  // Attaches all rings.  A failure leaves nothing behind.  Every failure is reported as the
  // device's error, except -ENOSPC: there are no handles for the rings now.
  [[nodiscard]] static Result<Owned<Connection>> create(const Config& config);

  // The floor of a connection in bytes: what create() allocates, and the pages of a largest
  // request for each ring.  `copies`: see Vbd::copies().
  [[nodiscard]] static uint64_t floor(uint32_t queues, uint32_t ring_pages, bool copies) {
    return cost(queues) + queues * Queue::floor(ring_pages, copies);
  }

  Connection(Account& account, uint32_t queues)
      : memory_use_(account), pool_(account, queues * Resources::kFloorPages) {
    memory_use_.set(cost(queues));
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void serve();
  // Does the frontend still offer the rings of this connection?
  [[nodiscard]] bool same_rings(host_device* device) const;
  void close();
  [[nodiscard]] bool closing() const { return closing_; }
  [[nodiscard]] bool drained() const;

  // The rings' threads, which exist as long as the connection.
  [[nodiscard]] uint32_t queues() const { return frontend_.queues; }
  [[nodiscard]] uint32_t thread_pid(uint32_t queue) const;

  // The largest stalled_ms() of all queues: the milliseconds for which the disk has completed
  // nothing although it has I/Os of a ring.  Context: any.
  [[nodiscard]] uint64_t stalled_ms(uint64_t now_ms) const;

  // What an administrator may see.  Context: any.
  void inspect(driver_connection_info& info) const;
  // nullptr: there is no such ring.  Context: any.
  [[nodiscard]] const Queue* ring(uint32_t index) const {
    return index < queues_.all().size() ? queues_[index].get() : nullptr;
  }

  // Parameters have changed: makes the queues read them again.
  void wake();
  // The resources that the queues have lacked since the last call and that other devices may
  // have.
  [[nodiscard]] Scarce take_wishes() { return wishes_.take(); }
  // Other rings lack handles or pages: each queue gives back half of its idle persistent
  // grants.
  void give_back();
  // The host or another device needs pages: gives all free pages back and keeps none until
  // `until_ms`.
  void squeeze(uint64_t until_ms);

 private:
  [[nodiscard]] static uint64_t cost(uint32_t queues) {
    return host_memory_cost(sizeof(Connection)) + host_memory_cost(queues * sizeof(Owned<Queue>));
  }
  // Makes the queue of one ring.
  [[nodiscard]] Result<void> attach(const Config& config, const Queue::Shared& shared,
                                    uint32_t index);

  FloorUse memory_use_;
  FrontendConfig frontend_;
  RingConfig first_ring_{};
  // Declared before the queues, which use these until they are destroyed.
  PagePool pool_;
  WriteOrder order_;
  Wishes wishes_;
  std::atomic<uint64_t> squeeze_until_ms_{0};
  OwnedArray<Owned<Queue>> queues_;
  bool closing_ = false;
};

}  // namespace blkback
