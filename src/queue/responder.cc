// SPDX-License-Identifier: GPL-2.0
#include "queue/responder.h"

#include "host/log.h"

namespace blkback {

// Not inline: only a mistake of the driver drops a duty.
void AnswerDuty::drop() {
  Responder& responder = *responder_;
  responder.report("dropped");
  responder.answer(std::move(*this), Status::kError);
}

void Responder::answer(AnswerDuty duty, Status status) {
  if (std::exchange(duty.responder_, nullptr) == nullptr) {
    report("answered twice");
    return;
  }
  ring_.respond(duty.key_.id, duty.key_.operation, static_cast<int16_t>(status));
  if (status != Status::kOkay) errors_.add(1);
}

void Responder::report(const char* mistake) {
  mistakes_.add(1);
  host_log_limited(&log_.limits.failed, HOST_LOG_ERROR,
                   "%s: a request was %s: please report this mistake of the driver", log_.name,
                   mistake);
}

}  // namespace blkback
