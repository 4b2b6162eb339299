// SPDX-License-Identifier: GPL-2.0
// The responses to the frontend.
//
// INVARIANT: each request that was taken from the ring is answered exactly once.
// An AnswerDuty represents an answer that is still owed.
#pragma once

#include <utility>

#include "base/counter.h"
#include "base/log_limits.h"
#include "request/request.h"
#include "wire/ring.h"

namespace blkback {

class Responder;

// The duty to answer one request.  Dropping a duty that is still owed is a mistake of the
// driver: the request is then answered with an error, and the mistake is counted and logged.
class [[nodiscard]] AnswerDuty {
 public:
  AnswerDuty() = default;
  AnswerDuty(Responder& responder, const ResponseKey& key) : responder_(&responder), key_(key) {}
  AnswerDuty(AnswerDuty&& other) noexcept
      : responder_(std::exchange(other.responder_, nullptr)), key_(other.key_) {}
  AnswerDuty& operator=(AnswerDuty&& other) noexcept {
    if (this == &other) return *this;
    if (responder_ != nullptr) drop();
    responder_ = std::exchange(other.responder_, nullptr);
    key_ = other.key_;
    return *this;
  }
  AnswerDuty(const AnswerDuty&) = delete;
  AnswerDuty& operator=(const AnswerDuty&) = delete;
  ~AnswerDuty() {
    if (responder_ != nullptr) drop();
  }

  // The operation as the frontend wrote it, for the log.
  [[nodiscard]] uint8_t operation() const { return key_.operation; }
  // The frontend's number of the request.
  [[nodiscard]] uint64_t id() const { return key_.id; }

 private:
  friend class Responder;

  void drop();

  Responder* responder_ = nullptr;  // nullptr: nothing is owed
  ResponseKey key_{};
};

// Context of all functions: any that has the turn (turn.h).
class Responder {
 public:
  // Counts in `errors` the responses other than BLKIF_RSP_OKAY.
  Responder(wire::Ring& ring, Counter& errors, const RingLog& log)
      : ring_(ring), log_(log), errors_(errors) {}
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  // Fills in the response.  The frontend sees it after push().  When nothing is owed, only
  // counts and logs the mistake.
  void answer(AnswerDuty duty, Status status);

  // Shows the frontend all responses so far.  Returns true when the frontend wants an event.
  [[nodiscard]] bool push() { return ring_.push(); }

  // The number of duties that were dropped or answered twice.  Each is a mistake of the driver
  // and is logged.
  [[nodiscard]] const Counter& mistakes() const { return mistakes_; }

 private:
  friend class AnswerDuty;

  void report(const char* mistake);

  wire::Ring& ring_;
  const RingLog log_;
  Counter& errors_;
  Counter mistakes_;
};

}  // namespace blkback
