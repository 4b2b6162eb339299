/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Basic types of the host interface, which is between the C++ core and the C code of the
 * kernel side.  Every header in include/host is valid C and C++.  They use only integers,
 * enums, plain structs and pointers to incomplete structs.
 */
#pragma once

#ifdef __cplusplus
#include <stddef.h>
#include <stdint.h>
#define HOST_DECLS_BEGIN extern "C" {
#define HOST_DECLS_END }
#else
#include <linux/types.h>
#define HOST_DECLS_BEGIN
#define HOST_DECLS_END
#endif

/* A shared page, a grant and a ring page are 4096 bytes in Xen's protocols. */
#define HOST_PAGE_BYTES 4096u
