/* SPDX-License-Identifier: GPL-2.0 */
/* Included before any other header of a C file: see Kbuild. */
#undef pr_fmt
#define pr_fmt(fmt) "xen-blkback: " fmt
