// SPDX-License-Identifier: GPL-2.0
// TEST(), EXPECT_*() and ASSERT_*(): in user space those of GoogleTest; in a kernel macros of the
// same names, which report through KUnit.
#pragma once

#ifdef __KERNEL__
#include "kernel/expectations.h"
#else
#include <gtest/gtest.h>
#endif
