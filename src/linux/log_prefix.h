/* SPDX-License-Identifier: GPL-2.0 */
/* Included before everything else in C files: see Kbuild. */
#undef pr_fmt
#define pr_fmt(fmt) "xen-blkback: " fmt
