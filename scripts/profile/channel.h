/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What each plugin does with marks (marks.h): it writes the bytes that the machine sends to
 * its file, in which it writes its own results, too, and learns when windows open and close.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "qemu_plugin.h"

/*
 * Takes the plugin's arguments, out=FILE.  window: called when a window opens and closes.
 * Returns that file, or NULL after a message.
 */
FILE *channel_create(qemu_plugin_id_t id, int argc, char **argv, void (*window)(bool open));

/* Call for each block that is translated. */
void channel_translated(const struct qemu_plugin_tb *tb);
