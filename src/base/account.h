// SPDX-License-Identifier: GPL-2.0
// The host's memory that one guest costs, and its cap.  All disks of the guest share the
// account.
//
// A guest's memory has two parts.  Floors are promised: each ring has a fixed part, and an
// allowance of pages that is allocated when it is needed.  Memory within a floor is never
// refused, so each ring makes progress at any cap.  Memory beyond the floors (persistent
// grants, further pages, indirect buffers and bounce buffers) is charged when it is
// allocated, and refused at the cap.
//
// INVARIANT: promised() + beyond() is at most the larger of the cap and promised(), unless
// the cap has fallen or a floor was added since; over() is true then, and the rings give
// idle memory back.
//
// Context: any.  All counters are relaxed: they order nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace blkback {

class Account {
 public:
  static constexpr uint64_t kNoCap = UINT64_MAX;

  Account() = default;
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  // In bytes, or kNoCap.  The next try_charge() sees it.
  void set_cap(uint64_t bytes) { cap_.store(bytes, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t cap() const { return cap_.load(std::memory_order_relaxed); }

  // Memory beyond the floors.  try_charge() returns false when there is no room for it;
  // charge() is for memory that exists already and only moves to this account.
  [[nodiscard]] bool try_charge(uint64_t bytes);
  void charge(uint64_t bytes);
  void give_back(uint64_t bytes);

  // Memory within a floor.
  void use(uint64_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void unuse(uint64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  [[nodiscard]] bool capped() const { return cap() != kNoCap; }
  // Is there more beyond the floors than the cap allows?
  [[nodiscard]] bool over() const { return capped() && excess() != 0; }
  [[nodiscard]] uint64_t excess() const {
    const uint64_t most = room();
    const uint64_t now = beyond();
    return now > most ? now - most : 0;
  }
  // Is so little room left that no memory should be kept idle?
  [[nodiscard]] bool tight() const { return capped() && beyond() >= room() - room() / 8; }

  [[nodiscard]] uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t promised() const { return promised_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t beyond() const { return beyond_.load(std::memory_order_relaxed); }
  // How often try_charge() has refused.
  [[nodiscard]] uint64_t refusals() const { return refusals_.load(std::memory_order_relaxed); }

 private:
  friend class Promise;

  // The most memory that may be beyond the floors.
  [[nodiscard]] uint64_t room() const {
    const uint64_t most = cap();
    const uint64_t floors = promised();
    return most > floors ? most - floors : 0;
  }

  std::atomic<uint64_t> cap_{kNoCap};
  std::atomic<uint64_t> promised_{0};
  std::atomic<uint64_t> beyond_{0};
  std::atomic<uint64_t> used_{0};  // within the floors and beyond them
  std::atomic<uint64_t> refusals_{0};
};

// A part of an account's floors.  One owner.
class Promise {
 public:
  explicit Promise(Account& account) : account_(account) {}
  ~Promise() { set(0); }
  Promise(const Promise&) = delete;
  Promise& operator=(const Promise&) = delete;

  void set(uint64_t bytes) {
    account_.promised_.fetch_add(bytes - std::exchange(bytes_, bytes), std::memory_order_relaxed);
  }
  [[nodiscard]] uint64_t bytes() const { return bytes_; }

 private:
  Account& account_;
  uint64_t bytes_ = 0;
};

// Memory within a floor, for as long as the object lives.  One owner.
class FloorUse {
 public:
  explicit FloorUse(Account& account) : account_(account) {}
  ~FloorUse() { account_.unuse(bytes_); }
  FloorUse(const FloorUse&) = delete;
  FloorUse& operator=(const FloorUse&) = delete;

  void set(uint64_t bytes) { account_.use(bytes - std::exchange(bytes_, bytes)); }

 private:
  Account& account_;
  uint64_t bytes_ = 0;
};

}  // namespace blkback
