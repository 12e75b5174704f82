/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/timer.h"

#include <time.h>

#include "common/base/clock.h"

int timer_new(sd_event *event, sd_event_time_handler_t handler, void *userdata, sd_event_source **ret_timer)
{
        _cleanup_(sd_event_source_disable_unrefp) sd_event_source *timer = NULL;
        int r = sd_event_add_time(event, &timer, CLOCK_BOOTTIME, 0, 1, handler, userdata);

        if (r >= 0)
                r = sd_event_source_set_enabled(timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret_timer = TAKE_PTR(timer);
        return 0;
}

void timer_set(sd_event_source *timer, uint64_t usec)
{
        if (usec != USEC_INFINITY)
                sd_event_source_set_time(timer, usec);
        sd_event_source_set_enabled(timer, usec != USEC_INFINITY ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}
