// SPDX-License-Identifier: GPL-2.0
// Makes the I/O for a request, or for one part of a request.
//
// Most requests go to the disk as one I/O.  Two kinds may go in parts: discards, so that a
// long one never fills the disk's queue and holds up the ring; and requests whose data is
// copied through a buffer that is smaller than the request.
#pragma once

#include "queue/slot.h"
#include "vbd/vbd.h"

namespace blkback {

// Fills in the slot's I/O for the whole request, or for its first part.  The request's
// grants must be mapped, or its data be copied to private pages.
void prepare_io(Slot& slot, const Vbd& vbd);

// Fills in the slot's I/O for the next part.  Call only while slot.sectors_left is not 0.
void prepare_next_part(Slot& slot, const Vbd& vbd);

// Call when the disk has completed a part.  Copies data that was read from the buffer to the
// guest's pages; does nothing for other I/Os.
void finish_part(Slot& slot);

}  // namespace blkback
