/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A beat that proves a living loop.
 */
#include "common/turn.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/timer.h"

struct Turn {
        uint64_t period_usec;
        turn_done_t done;
        void *userdata;
        sd_event_source *timer, *idle;
};

static int on_full_turn(sd_event_source *source, void *userdata)
{
        Turn *turn = userdata;

        turn->done(turn->userdata);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Turn *turn = userdata;

        sd_event_source_set_enabled(turn->idle, SD_EVENT_ONESHOT);
        turn_set_period(turn, turn->period_usec);
        return 0;
}

int turn_new(sd_event *event, uint64_t period_usec, turn_done_t done, void *userdata, Turn **ret_turn)
{
        Turn *turn = calloc(1, sizeof(*turn));
        int r;

        if (!turn)
                return -ENOMEM;
        *turn = (Turn){ .period_usec = period_usec, .done = done, .userdata = userdata };
        r = sd_event_add_defer(event, &turn->idle, on_full_turn, turn);
        if (r >= 0)
                r = sd_event_source_set_priority(turn->idle, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_event_add_time(event, &turn->timer, CLOCK_BOOTTIME, 0, 1, on_timer, turn);
        if (r < 0) {
                turn_free(turn);
                return r;
        }
        *ret_turn = turn;
        return 0;
}

Turn *turn_free(Turn *turn)
{
        if (!turn)
                return NULL;
        sd_event_source_disable_unref(turn->timer);
        sd_event_source_disable_unref(turn->idle);
        free(turn);
        return NULL;
}

void turn_set_period(Turn *turn, uint64_t period_usec)
{
        turn->period_usec = period_usec;
        timer_set(turn->timer, now_usec() + period_usec);
}
