/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

/* The module's set of bios.  block_init() returns 0 or a negative errno. */
int block_init(void);
void block_exit(void);
