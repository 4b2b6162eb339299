/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

void survey_init(void);
void survey_exit(void);
