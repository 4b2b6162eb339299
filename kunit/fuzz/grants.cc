// SPDX-License-Identifier: GPL-2.0
// Fuzz target: the persistent grants, the mapper that fills them and the purger
// that empties them, against a model.
#include "fuzz/grants_fuzz.h"
#include "fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  fake::renew_host();
  fuzz::Input input(data, bytes);
  {
    fuzz::GrantsFuzz fuzz(input);
    fuzz.run();
  }
  fuzz::require_no_leaks();
  return 0;
}
