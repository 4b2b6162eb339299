// SPDX-License-Identifier: GPL-2.0
// The files through which each request goes, as one translation unit for the kernel: the compiler
// sees the whole path and makes most calls on it part of their callers.  Each file also compiles
// alone, and the tests build them so.
// clang-format off: from the lowest layer to the highest
// NOLINTBEGIN(bugprone-suspicious-include)
#include "base/rb_tree.cc"
#include "wire/ring.cc"
#include "request/request.cc"
#include "grant/page_pool.cc"
#include "grant/persistent_grants.cc"
#include "grant/private_pages.cc"
#include "grant/unmapper.cc"
#include "grant/mapper.cc"
#include "vbd/vbd.cc"
#include "vbd/statistics.cc"
#include "queue/responder.cc"
#include "queue/request_record.cc"
#include "queue/slot.cc"
#include "queue/barrier_gate.cc"
#include "queue/io_part.cc"
#include "queue/copier.cc"
#include "queue/resources.cc"
#include "queue/completions.cc"
#include "queue/submitter.cc"
#include "queue/intake.cc"
#include "queue/upkeep.cc"
#include "queue/queue.cc"
// NOLINTEND(bugprone-suspicious-include)
