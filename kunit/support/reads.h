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

// Sends reads of `pages` pages each, with descriptors.
inline void send_indirect(Guest& guest, uint64_t first_id, uint32_t count, uint32_t pages) {
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t gref = guest.grants(pages);
    guest.put(guest.indirect(BLKIF_OP_READ, first_id + i, 0, gref, pages));
  }
  guest.show();
  guest.kick();
  fake::host().run();
}

// Sends reads of eleven pages each.
inline void send_full_reads(Guest& guest, uint64_t first_id, uint32_t count) {
  for (uint64_t id = first_id; id < first_id + count; ++id) {
    const uint32_t gref = guest.grants(11);
    auto request = ask(BLKIF_OP_READ, id, 0, {});
    request.count = 11;
    for (uint32_t i = 0; i < 11; ++i) request.parts[i] = {gref + i};
    guest.put(request);
  }
  guest.show();
  guest.kick();
  fake::host().run();
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
