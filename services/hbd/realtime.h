/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Real time and locked memory: the unit asks for the first, the daemon for the second; both may be refused.
 */
#pragma once

#include <stdbool.h>

#include "common/log.h"

/* Locks the memory and looks at the scheduling; warns about what is not in force. Call it once all is set
 * up. */
void realtime_enter(Log *log, bool *ret_real_time, bool *ret_locked);
