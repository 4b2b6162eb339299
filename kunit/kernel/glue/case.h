/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

struct kunit;

/* kernel_case_run - runs the C++ function @body as the case @test of KUnit. */
void kernel_case_run(struct kunit *test, void (*body)(void));
