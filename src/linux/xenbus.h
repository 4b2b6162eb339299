/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

/* Registration of the xenbus driver.  0 or a negative errno. */
int xenbus_init_driver(void);
void xenbus_exit_driver(void);
