// SPDX-License-Identifier: GPL-2.0
// Answers to the frontend.
//
// INVARIANT: each request that was taken from the ring is answered exactly once.
// AnswerDuty stands for the answer that is still owed.
#pragma once

#include <utility>

#include "base/counter.h"
#include "base/log_limits.h"
#include "request/request.h"
#include "wire/ring.h"

namespace blkback {

class Responder;

// The duty to answer one request.  Whoever drops it has made a mistake: the
// request is answered with an error then, and counted.
class [[nodiscard]] AnswerDuty {
 public:
  AnswerDuty() = default;
  AnswerDuty(Responder& responder, const ResponseKey& key) : responder_(&responder), key_(key) {}
  AnswerDuty(AnswerDuty&& other) noexcept
      : responder_(std::exchange(other.responder_, nullptr)), key_(other.key_) {}
  AnswerDuty& operator=(AnswerDuty&& other) noexcept;
  AnswerDuty(const AnswerDuty&) = delete;
  AnswerDuty& operator=(const AnswerDuty&) = delete;
  ~AnswerDuty() {
    if (responder_ != nullptr) drop();
  }

  // As the frontend wrote it, for the log.
  [[nodiscard]] uint8_t operation() const { return key_.operation; }

 private:
  friend class Responder;

  void drop();

  Responder* responder_ = nullptr;  // nullptr: nothing is owed
  ResponseKey key_{};
};

// Context of all: the queue's thread.
class Responder {
 public:
  Responder(wire::Ring& ring, const RingLog& log) : ring_(ring), log_(log) {}
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  // Fills in the answer; the frontend sees it after push().  Does nothing, but for a line
  // in the log, when nothing is owed.
  void answer(AnswerDuty duty, Status status);

  // Shows the frontend all answers so far.  True when it wants to be notified.
  [[nodiscard]] bool push();

  // Answers other than BLKIF_RSP_OKAY.
  [[nodiscard]] const Counter& errors() const { return errors_; }
  // Duties that were dropped, or of which an answer came twice: always 0, or the log says so.
  [[nodiscard]] const Counter& mistakes() const { return mistakes_; }

 private:
  friend class AnswerDuty;

  void report(const char* mistake);

  wire::Ring& ring_;
  const RingLog log_;
  Counter errors_;
  Counter mistakes_;
  bool unpushed_ = false;
};

}  // namespace blkback
