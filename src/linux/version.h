/* SPDX-License-Identifier: GPL-2.0 */
/* The only place of the version; CHANGELOG.md says what each one brought. */
#pragma once

#define BLKBACK_VERSION "0.9.0"
