/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How software in the emulated machine talks to a plugin of the emulator: it runs a no-op
 * that a plugin recognises by its bytes, nopl MARK(%rax,%rax,1).  Without a plugin it does
 * nothing.
 */
#pragma once

#define MARK_BASE 0x58420000 /* the lower half of the word says what to do */
#define MARK_BYTE 0x000	     /* ... 0x0ff: the next byte for the plugin's file */
#define MARK_OPEN 0x100	     /* a window opens */
#define MARK_CLOSE 0x101     /* it closes: the plugin writes what it has counted */

/* The instruction, before its word. */
#define MARK_OPCODE 0x0f, 0x1f, 0x84, 0x00

#define MARK(what)                                                                                 \
	asm volatile(".byte 0x0f, 0x1f, 0x84, 0x00\n\t.long %c0"                                   \
		     :                                                                             \
		     : "i"(MARK_BASE + (what))                                                     \
		     : "memory")
