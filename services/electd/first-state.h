/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a node remembers before it has ever run, as `hapair init` and `hapair join` need it: electd alone
 * knows its file's format.
 */
#pragma once

#define FIRST_STATE_USAGE 2 /* exit status */

/* Writes it to $STATE_DIRECTORY for "founder" or "joined"; returns what main() returns. */
int first_state_write(const char *kind);
