// SPDX-License-Identifier: GPL-2.0
// Fuzz target: the ring, the parser and a whole queue in all three layouts,
// with memory that changes under the reader.
#include "fuzz/input.h"
#include "fuzz/require.h"
#include "fuzz/ring_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  fake::renew_host();
  fuzz::Input input(data, bytes);
  {
    fuzz::RingFuzz fuzz(input);
    fuzz.run();
  }
  fuzz::require_no_leaks();
  return 0;
}
