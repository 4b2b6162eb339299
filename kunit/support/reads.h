// SPDX-License-Identifier: GPL-2.0
// Many plain reads at once.
#pragma once

#include "support/device_fixture.h"

namespace kunit {

// Sends `count` reads, each into one fresh page.  Returns the first page's grant reference.
inline uint32_t send_reads(Guest& guest, uint64_t first_id, uint32_t count) {
  const uint32_t gref = guest.grants(count);
  for (uint32_t i = 0; i < count; ++i) {
    guest.put(ask(BLKIF_OP_READ, first_id + i, i * 8, {{gref + i}}));
  }
  guest.show();
  guest.kick();
  fake::host().run();
  guest.read_answers();
  return gref;
}

// The number of these reads that succeeded.
inline uint32_t served(Guest& guest, uint64_t first_id, uint32_t count) {
  uint32_t okay = 0;
  for (uint64_t id = first_id; id < first_id + count; ++id) {
    if (guest.status_of(id) == BLKIF_RSP_OKAY) ++okay;
  }
  return okay;
}

}  // namespace kunit
