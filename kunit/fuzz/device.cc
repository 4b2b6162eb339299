// SPDX-License-Identifier: GPL-2.0
// Fuzz target: the state machine, with random xenstore contents, events in any
// order and failures of the host's calls.
#include "fuzz/device_fuzz.h"
#include "fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  fake::renew_host();
  fuzz::Input input(data, bytes);
  {
    fuzz::DeviceFuzz fuzz(input);
    fuzz.run();
  }
  fuzz::require_no_leaks();
  return 0;
}
