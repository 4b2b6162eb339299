// SPDX-License-Identifier: GPL-2.0
// What of a request the disk is told at once.  Most requests go to the disk whole.
// In parts go discards, so that they never fill the disk's queue and hold up the ring,
// and what is copied through a buffer that is smaller than the request.
#pragma once

#include "queue/slot.h"
#include "vbd/vbd.h"

namespace blkback {

// Makes the slot's I/O, or its first part.  The request's grants are mapped.
void prepare_io(Slot& slot, const Vbd& vbd);

// Makes the next part.  Only while slot.sectors_left is not 0.
void prepare_next_part(Slot& slot, const Vbd& vbd);

// A part that was read and is copied goes to the guest's pages.
void finish_part(Slot& slot);

}  // namespace blkback
