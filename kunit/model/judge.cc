// SPDX-License-Identifier: GPL-2.0
#include "judge.h"

#include "world.h"

namespace model {

Judge judge;

void renew_judge() {
  judge = Judge{};
  judge.left = static_cast<uint8_t*>(allocate(Judge::kNumbers));
  is_state(&judge, sizeof(judge), nullptr, 0);
}

void Judge::begins(uint32_t number) {
  const bool barrier = (barriers >> number & 1) != 0;
  const uint32_t with_disk = begun & ~ended;
  require((begun >> number & 1) == 0, "a request begins twice");
  require((after[number] & ~ended) == 0, "a request begins before an earlier one has ended");
  require((with_disk & barriers) == 0, "a request begins beside a barrier");
  require(!barrier || with_disk == 0, "a barrier begins beside a write");
  for (uint32_t other = 0; other < kNumbers; ++other) {
    if ((ended >> other & 1) == 0) continue;
    if (barrier || (barriers >> other & 1) != 0) plain(left + other, 1, false, MODEL_CALLER);
  }
  begun |= 1U << number;
}

void Judge::ends(uint32_t number) {
  plain(left + number, 1, true, MODEL_CALLER);
  ended |= 1U << number;
}

void all_have_ended() {
  require(judge.ended == judge.all, "waits for ever: a request has not ended");
}

}  // namespace model
