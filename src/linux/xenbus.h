/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

/* Registers the xenbus driver.  xenbus_init_driver() returns 0 or a negative errno. */
int xenbus_init_driver(void);
void xenbus_exit_driver(void);
