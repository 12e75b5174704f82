/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A beat that proves a living loop: every period, but only once everything more urgent was dispatched. What
 * feeds a watchdog hangs on it; a timer alone would also fire in a loop that is busy with one source for
 * ever.
 */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/base/macros.h"

typedef struct Turn Turn;
typedef void (*turn_done_t)(void *userdata);

/* Begins at once. The caller frees it before the loop. Errors: those of sd_event_add_time(3). */
_must_check_ int turn_new(sd_event *event, uint64_t period_usec, turn_done_t done, void *userdata,
                          Turn **ret_turn);
Turn *turn_free(Turn *turn);

/* Counted from now. */
void turn_set_period(Turn *turn, uint64_t period_usec);
