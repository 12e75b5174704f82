/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A moment to come, on the clock that also counts sleep (CLOCK_BOOTTIME); one at a time. */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/base/macros.h"

/* Not set yet. Errors: those of sd_event_add_time(3). */
_must_check_ int timer_new(sd_event *event, sd_event_time_handler_t handler, void *userdata,
                           sd_event_source **ret_timer);

/* Takes the place of the moment before; USEC_INFINITY: none. */
void timer_set(sd_event_source *timer, uint64_t usec);
