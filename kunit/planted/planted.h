/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Deliberate mistakes, one for each tool of the debug kernels.  They are compiled as
 * the core is: a tool that reports them here would report them in the core, too.
 */
#pragma once

#include "host/types.h"

HOST_DECLS_BEGIN

/* KASAN: writes the byte after `bytes` bytes of memory. */
void planted_out_of_bounds(uint32_t bytes);

/* KASAN: reads memory that was freed. */
uint8_t planted_use_after_free(uint32_t bytes);

/* UBSAN: reads element `index` of an array of four. */
uint32_t planted_array_index(uint32_t index);

/* KCSAN: adds one without a lock.  Two threads call this with the same counter. */
void planted_race(uint64_t* counter);

/* lockdep: takes two locks in one order and then in the other. */
void planted_lock_inversion(void);

/* kmemleak: allocates `bytes` bytes and never frees them. */
void planted_leak(uint32_t bytes);

/* Atomic-sleep checks: allocates memory, which may sleep, under a spinlock. */
void planted_sleep_in_atomic(void);

HOST_DECLS_END
