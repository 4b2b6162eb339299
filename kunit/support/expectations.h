// SPDX-License-Identifier: GPL-2.0
// TEST(), EXPECT_*() and ASSERT_*(): GoogleTest's in user space, and in a
// kernel the same names, which report through KUnit.
#pragma once

#ifdef __KERNEL__
#include "kernel/expectations.h"
#else
#include <gtest/gtest.h>
#endif
