// SPDX-License-Identifier: GPL-2.0
#include "queue/write_order.h"

namespace blkback {

void WriteOrder::Member::join(WriteOrder& order, host_thread* thread, const wire::Ring* requests) {
  order_ = &order;
  thread_ = thread;
  requests_ = requests;
  const SpinGuard guard(order.lock_);
  order.rings_.push_back(*this);
}

void WriteOrder::Member::leave() {
  if (order_ == nullptr) return;
  const SpinGuard guard(order_->lock_);
  order_->rings_.remove(*this);
  if (order_->raised_by_ != nullptr) host_thread_wake(order_->raised_by_->thread_);
  order_ = nullptr;
}

bool WriteOrder::Member::look() {
  seen_ = order_->up_.load(std::memory_order_acquire);
  return seen_ != 0;
}

bool WriteOrder::Member::follows(uint32_t index) const {
  return static_cast<int32_t>(index - first_after_.load(std::memory_order_relaxed)) >= 0;
}

void WriteOrder::Member::acknowledge() {
  if (seen_ == 0 || acknowledged_.load(std::memory_order_relaxed) == seen_) return;
  acknowledged_.store(seen_, std::memory_order_release);
  tell_raiser();
}

void WriteOrder::Member::tell_raiser() {
  if (order_->up_.load(std::memory_order_relaxed) == 0) return;
  const SpinGuard guard(order_->lock_);
  if (order_->raised_by_ != nullptr && order_->raised_by_ != this) {
    host_thread_wake(order_->raised_by_->thread_);
  }
}

bool WriteOrder::Member::try_raise(uint32_t index) {
  const SpinGuard guard(order_->lock_);
  if (order_->raised_by_ == this) return true;
  if (order_->raised_by_ != nullptr) return false;
  order_->raised_by_ = this;
  if (++order_->last_ == 0) order_->last_ = 1;
  seen_ = order_->last_;
  acknowledged_.store(seen_, std::memory_order_relaxed);
  first_after_.store(index, std::memory_order_relaxed);
  for (Member* ring = order_->rings_.front(); ring != nullptr; ring = order_->rings_.next(*ring)) {
    if (ring == this || ring->requests_ == nullptr) continue;
    ring->first_after_.store(ring->requests_->produced(), std::memory_order_relaxed);
  }
  order_->up_.store(order_->last_, std::memory_order_release);
  for (Member* ring = order_->rings_.front(); ring != nullptr; ring = order_->rings_.next(*ring)) {
    if (ring != this) host_thread_wake(ring->thread_);
  }
  return true;
}

bool WriteOrder::Member::quiet() {
  if (writes_.load(std::memory_order_relaxed) != 0) return false;
  const SpinGuard guard(order_->lock_);
  const uint32_t up = order_->up_.load(std::memory_order_relaxed);
  for (Member* ring = order_->rings_.front(); ring != nullptr; ring = order_->rings_.next(*ring)) {
    if (ring == this) continue;
    if (ring->acknowledged_.load(std::memory_order_acquire) != up) return false;
    if (ring->writes_.load(std::memory_order_acquire) != 0) return false;
  }
  return true;
}

void WriteOrder::Member::lower() {
  const SpinGuard guard(order_->lock_);
  if (order_->raised_by_ != this) return;
  order_->raised_by_ = nullptr;
  order_->up_.store(0, std::memory_order_release);
  for (Member* ring = order_->rings_.front(); ring != nullptr; ring = order_->rings_.next(*ring)) {
    if (ring != this) host_thread_wake(ring->thread_);
  }
}

}  // namespace blkback
