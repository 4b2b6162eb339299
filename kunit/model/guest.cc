// SPDX-License-Identifier: GPL-2.0
#include "guest.h"

#include "wire/blkif.h"

namespace model {

void Guest::put(uint8_t operation, uint64_t id) {
  uint8_t* at = slot(req_prod_++);
  store(at, 8, operation, __ATOMIC_RELAXED, MODEL_CALLER);
  store(at + 8, 8, id, __ATOMIC_RELAXED, MODEL_CALLER);
  // A discard has a sector and a length.
  if (operation == BLKIF_OP_DISCARD) {
    store(at + 16, 8, id * 8, __ATOMIC_RELAXED, MODEL_CALLER);
    store(at + 24, 8, 8, __ATOMIC_RELAXED, MODEL_CALLER);
  }
  expected_[id % kSlots] = id;
  operations_[id % kSlots] = operation;
}

void Guest::push() {
  const uint32_t old = pushed_;
  pushed_ = req_prod_;
  fence(__ATOMIC_RELEASE, MODEL_CALLER);  // xen_wmb()
  store(page_ + kReqProd, 4, pushed_, __ATOMIC_RELAXED, MODEL_CALLER);
  fence(__ATOMIC_SEQ_CST, MODEL_CALLER);  // xen_mb()
  const auto event =
      static_cast<uint32_t>(load(page_ + kReqEvent, 4, __ATOMIC_RELAXED, MODEL_CALLER));
  if (pushed_ - event < pushed_ - old) guest_notify(port_);
}

uint32_t Guest::collect() {
  const uint32_t before = rsp_cons_;
  for (;;) {
    const auto produced =
        static_cast<uint32_t>(load(page_ + kRspProd, 4, __ATOMIC_RELAXED, MODEL_CALLER));
    fence(__ATOMIC_ACQUIRE, MODEL_CALLER);  // xen_rmb()
    require(produced - rsp_cons_ <= pushed_ - rsp_cons_, "more responses than requests");
    while (rsp_cons_ != produced) {
      const uint8_t* at = slot(rsp_cons_++);
      const uint64_t id = load(at, 8, __ATOMIC_RELAXED, MODEL_CALLER);
      const uint64_t rest = load(at + 8, 8, __ATOMIC_RELAXED, MODEL_CALLER);
      require(id != 0 && expected_[id % kSlots] == id, "a response to no request, or a second one");
      require((rest & 0xff) == operations_[id % kSlots], "a response with a wrong operation");
      require((rest >> 16 & 0xffff) == 0, "a response with an error");
      expected_[id % kSlots] = 0;
    }
    if (rsp_cons_ != before) return rsp_cons_ - before;
    store(page_ + kRspEvent, 4, rsp_cons_ + 1, __ATOMIC_RELAXED, MODEL_CALLER);
    fence(__ATOMIC_SEQ_CST, MODEL_CALLER);  // xen_mb()
    if (load(page_ + kRspProd, 4, __ATOMIC_RELAXED, MODEL_CALLER) != rsp_cons_) continue;
    guest_wait(port_);
  }
}

}  // namespace model
