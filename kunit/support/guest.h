// SPDX-License-Identifier: GPL-2.0
// A frontend's side of one ring: its memory, its grants, its requests and the responses to them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "fake_host/flat_map.h"
#include "support/slots.h"

namespace kunit {

class Guest {
 public:
  // status_of() returns this while there is no response.
  static constexpr int kNoAnswer = -1000;

  explicit Guest(Layout layout, uint32_t ring_pages = 1, uint32_t first_index = 0);
  ~Guest();
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  // --- the ring ---------------------------------------------------------------
  [[nodiscard]] uint8_t* memory() { return ring_; }
  [[nodiscard]] uint32_t ring_bytes() const { return ring_pages_ * 4096; }
  [[nodiscard]] uint32_t ring_ref(uint32_t page) const { return ring_refs_[page]; }
  [[nodiscard]] uint32_t slots() const { return slots_; }
  [[nodiscard]] uint8_t* slot_at(uint32_t index);
  // 0 is req_prod, 1 req_event, 2 rsp_prod, 3 rsp_event.
  [[nodiscard]] uint32_t& index(uint32_t which);
  [[nodiscard]] uint32_t& req_prod() { return index(0); }
  [[nodiscard]] uint32_t& req_event() { return index(1); }
  [[nodiscard]] uint32_t& rsp_prod() { return index(2); }
  [[nodiscard]] uint32_t& rsp_event() { return index(3); }

  // Writes a request that the backend does not see before show().
  template <typename Request>
  void put(const Request& request) {
    write_slot(slot_at(produced_++), layout_, request);
  }
  void show();
  // put() and show(), and an event if the backend asked for one.
  template <typename Request>
  void send(const Request& request) {
    put(request);
    show_and_kick();
  }
  void kick();
  void set_port(uint32_t port) { port_ = port; }
  [[nodiscard]] uint32_t port() const { return port_; }

  // --- the responses -------------------------------------------------------------
  // Reads the responses that have come, and asks for an event at the next one.
  void read_answers();
  // BLKIF_RSP_*, or kNoAnswer.
  [[nodiscard]] int status_of(uint64_t id);
  [[nodiscard]] int operation_of(uint64_t id);
  // The number of responses so far, and the id of the response at `index`.
  [[nodiscard]] uint32_t answers();
  [[nodiscard]] uint64_t answered_id(uint32_t index);

  // --- its memory ----------------------------------------------------------------
  enum class Right { kReadWrite, kReadOnly };
  // Grants a fresh page and returns its grant reference.
  [[nodiscard]] uint32_t grant(Right right = Right::kReadWrite);
  // Grants `count` fresh pages, with consecutive grant references, and returns the first.
  [[nodiscard]] uint32_t grants(uint32_t count);
  [[nodiscard]] uint8_t* page(uint32_t gref);
  void fill(uint32_t gref, uint8_t byte);
  [[nodiscard]] bool holds(uint32_t gref, uint8_t byte);
  // Grants a fresh page with these descriptors and returns its grant reference.
  [[nodiscard]] uint32_t describe(const std::vector<RawSegment>& parts);
  // An indirect request of `count` whole pages, whose grant references are consecutive from
  // `first` on.  Its descriptors are in a fresh page.
  [[nodiscard]] IndirectAsk indirect(uint8_t operation, uint64_t id, uint64_t sector,
                                     uint32_t first, uint32_t count);
  // How often the backend maps the grant now, and all grants except the ring's.
  [[nodiscard]] uint32_t mappings(uint32_t gref);
  [[nodiscard]] uint32_t all_mappings();

 private:
  void show_and_kick();

  struct FreeMemory {
    void operator()(uint8_t* memory) const;
  };
  using Memory = std::unique_ptr<uint8_t, FreeMemory>;
  [[nodiscard]] static Memory allocate(uint32_t pages);

  struct Answer {
    uint64_t id;
    uint8_t operation;
    int16_t status;
  };

  Layout layout_;
  uint32_t ring_pages_;
  uint32_t slot_bytes_;
  uint32_t slots_;
  Memory ring_memory_;
  uint8_t* ring_;
  std::vector<uint32_t> ring_refs_;
  fake::FlatMap<uint32_t, Memory> pages_;
  uint32_t produced_;
  uint32_t shown_;
  uint32_t consumed_;
  uint32_t port_ = 0;
  std::vector<Answer> answers_;
};

}  // namespace kunit
