// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "frontend.h"

namespace frontend {

struct Case {
  const char* name;
  const char* what;
  void (*run)(Frontend& frontend, uint64_t argument);
};

// Ends the program when the condition does not hold.
#define EXPECT(condition, ...)          \
  do {                                  \
    if (!(condition)) die(__VA_ARGS__); \
  } while (0)

// protocol.cc
void layouts(Frontend& frontend, uint64_t argument);
void ring_refs(Frontend& frontend, uint64_t argument);
void tolerance(Frontend& frontend, uint64_t argument);
void indirect(Frontend& frontend, uint64_t argument);
void persistence(Frontend& frontend, uint64_t argument);
void not_persistent(Frontend& frontend, uint64_t argument);
void planted_mapping(Frontend& frontend, uint64_t argument);
void discard(Frontend& frontend, uint64_t argument);
void blocks_4k(Frontend& frontend, uint64_t argument);
void read_only(Frontend& frontend, uint64_t argument);

// order.cc
void barrier(Frontend& frontend, uint64_t argument);
void flushes(Frontend& frontend, uint64_t argument);
void failing_writes(Frontend& frontend, uint64_t argument);
void reconnect(Frontend& frontend, uint64_t argument);
void leave(Frontend& frontend, uint64_t argument);
void endless(Frontend& frontend, uint64_t argument);
void changing(Frontend& frontend, uint64_t argument);

// durable.cc
void durable(Frontend& frontend, uint64_t argument);

// latency.cc
void discard_latency(Frontend& frontend, uint64_t argument);

// states.cc
void crash_kernel(Frontend& frontend, uint64_t argument);
void restart(Frontend& frontend, uint64_t argument);
void state_orders(Frontend& frontend, uint64_t argument);

// run.cc: runs case files.  Prints a line for each: "ok NAME SECONDS", "FAILED NAME: why", or
// "LOST NAME: why" when the backend serves no frontend afterwards.  Returns 0 when all are ok.
int run_files(uint32_t vdev, const std::vector<std::string>& paths);
// The status of a process whose case ends with "die".
inline constexpr int kLeft = 42;

inline constexpr Case kCases[] = {
    {"layouts", "every operation in the three layouts; wrong requests get the right answers",
     layouts},
    {"ring-refs", "one to sixteen ring pages, named in every legal way; illegal ones refused",
     ring_refs},
    {"tolerance", "nodes that are not written as blkif.h has it, and yet can be understood",
     tolerance},
    {"indirect", "1 to 256 segments, and what may not be in an indirect request", indirect},
    {"persistence", "persistent grants agreed on anew with each connect", persistence},
    {"not-persistent", "a frontend that has persistent grants, a backend that offers none",
     not_persistent},
    {"planted-mapping", "must fail: a page that is still mapped at Closed", planted_mapping},
    {"discard", "discards, aligned or not, secure or not", discard},
    {"blocks-4k", "a disk of 4 KiB blocks: whole ones, in whatever segments", blocks_4k},
    {"read-only", "writes and discards to a read-only disk are refused, flushes are not",
     read_only},
    {"barrier", "a barrier orders the writes of two rings; ARGUMENT: ms that a write takes",
     barrier},
    {"durable",
     "flushes and barriers, and marks in the disk's log; ARGUMENT: 16 * rounds + steps (1: "
     "reconnect, 2: drop, 4: resize, 8: reload) + 4096 for one connection only",
     durable},
    {"flushes", "flushes with and without data", flushes},
    {"failing-writes", "a disk that fails writes and flushes, and still reads", failing_writes},
    {"reconnect", "Closed and Initialising with I/O in flight; ARGUMENT: how often", reconnect},
    {"leave", "goes as far as a state, I/O in flight if it can; ARGUMENT: that state", leave},
    {"endless", "a ring that is never empty, wrong requests all; ARGUMENT: for how many seconds",
     endless},
    {"changing", "writes of pages that change all the time; ARGUMENT: for how many seconds",
     changing},
    {"discard-latency", "reads during discards of the whole disk", discard_latency},
    {"crash-kernel", "Closing, Closed, Initialising beside a request; ARGUMENT: ms that it takes",
     crash_kernel},
    {"restart", "Closed, Initialising, Initialised with new rings, without a wait", restart},
    {"state-orders", "states in every order, fast and slow, with I/O in flight or not",
     state_orders},
};

}  // namespace frontend
