/* SPDX-License-Identifier: GPL-2.0 */
/* The only definition of the version.  CHANGELOG.md lists the changes of each version. */
#pragma once

#define BLKBACK_VERSION "0.9.0"
