/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel that compat-check.sh pretends to have. */
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))
#define LINUX_VERSION_CODE KERNEL_VERSION(6, COMPAT_MINOR, 0)
