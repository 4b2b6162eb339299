/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

/* Once, after the command line's parameters are read and driver_init() is done. */
void parameter_init(void);
