/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

/* Call once, after the command line's parameters are parsed and driver_init() has returned. */
void parameter_init(void);
