// SPDX-License-Identifier: GPL-2.0
// The functions that the library's templates call where they would throw.  Included
// before everything else.  A case that calls one of them fails and ends.
//
// They are inline and end in a trap instruction, because objtool assumes that an
// unknown function returns, whatever its declaration says.
#pragma once

#include "kernel/glue/harness.h"

#define RUN_TIME_FAILURE(function, why)                   \
  [[noreturn, gnu::always_inline]] inline void function { \
    harness_end(why);                                     \
    __builtin_trap();                                     \
  }

namespace std {

RUN_TIME_FAILURE(__throw_bad_alloc(), "bad_alloc")
RUN_TIME_FAILURE(__throw_bad_array_new_length(), "bad_array_new_length")
RUN_TIME_FAILURE(__throw_bad_function_call(), "an empty function is called")
RUN_TIME_FAILURE(__throw_invalid_argument(const char* what), what)
RUN_TIME_FAILURE(__throw_length_error(const char* what), what)
RUN_TIME_FAILURE(__throw_logic_error(const char* what), what)
RUN_TIME_FAILURE(__throw_out_of_range(const char* what), what)
RUN_TIME_FAILURE(__throw_out_of_range_fmt(const char* what, ...), what)

}  // namespace std

#undef RUN_TIME_FAILURE
