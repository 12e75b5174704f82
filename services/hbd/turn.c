/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The clockwork: one timer for everything that is due, and the rule that our own lateness accuses nobody.
 */
#include <inttypes.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/messages.h"
#include "common/timer.h"
#include "services/hbd/daemon.h"
#include "services/hbd/heart.h"

#define REFUSED_TELL_USEC USEC_PER_MINUTE
#define TURNS_PER_READ    3u /* well below the late time, which is five intervals */

/* Everything that came in is read before anybody is accused; we were late: the clocks begin anew. */
static uint64_t make_up_for_sleep(Daemon *d, uint64_t now)
{
        uint64_t late = now - d->armed_usec;

        paths_drain(d, true);
        now = now_usec();
        heart_overslept(d->heart, now);
        d->late_self++;
        if (late > d->heart->config.dead_usec / 2) {
                log_event(service_log(d->service),
                          &(LogEntry){ .priority = LOG_WARNING,
                                       .id = MESSAGE_LATE,
                                       .category = "heartbeat" },
                          "This daemon was late by %" PRIu64
                          " ms: the node was paused or starved. What it knew before is not trusted.",
                          late / USEC_PER_MSEC);
                heartbeat1_emit_late(d->service, late);
        }
        return now;
}

/* Many refused frames are one entry a minute, with the counts by kind. */
static void tell_refused(Daemon *d, uint64_t now)
{
        const uint64_t *drops = d->heart->drops;
        uint64_t refused = drops[FRAME_FORGED] + drops[FRAME_REPLAYED] + drops[FRAME_FOREIGN] +
                           drops[FRAME_KEY_UNKNOWN] + drops[FRAME_OWN] + drops[FRAME_WRONG_PATH] +
                           drops[FRAME_VERSION_UNKNOWN];

        if (refused == d->refused ||
            (d->refused_told_usec > 0 && now < d->refused_told_usec + REFUSED_TELL_USEC))
                return;
        d->refused = refused;
        d->refused_told_usec = now;
        log_event(service_log(d->service),
                  &(LogEntry){ .priority = LOG_WARNING,
                               .id = MESSAGE_FRAMES_REFUSED,
                               .category = "heartbeat" },
                  "Refused frames since the start: forged %" PRIu64 ", replayed %" PRIu64
                  ", foreign cluster %" PRIu64 ", unknown key %" PRIu64 ", own node %" PRIu64
                  ", wrong path %" PRIu64 ", version %" PRIu64 ".",
                  drops[FRAME_FORGED], drops[FRAME_REPLAYED], drops[FRAME_FOREIGN], drops[FRAME_KEY_UNKNOWN],
                  drops[FRAME_OWN], drops[FRAME_WRONG_PATH], drops[FRAME_VERSION_UNKNOWN]);
}

static void tell_news(Daemon *d, uint64_t now)
{
        HeartNews news = heart_take_news(d->heart);

        /* The record first: who is told that the peer is there asks at once what it says. */
        if (news.record)
                bus_tell_record(d);
        if (news.peer)
                bus_tell_peer(d, news.reason);
        paths_tell(d, now);
        tell_refused(d, now);
}

/* An earlier wake-up than needed costs less than moving the timer at every frame. */
static void arm(Daemon *d, uint64_t now, uint64_t next)
{
        if (next == UINT64_MAX) {
                timer_set(d->timer, next);
                d->armed_usec = 0;
                return;
        }
        if (d->armed_usec > now && d->armed_usec <= next)
                return;
        d->armed_usec = next;
        timer_set(d->timer, next);
}

void daemon_turn(Daemon *d)
{
        uint64_t now = now_usec(), next, retry;

        if (d->armed_usec > 0 && now > d->armed_usec + d->heart->interval_usec)
                now = make_up_for_sleep(d, now);
        else if (liveness_would_accuse(&d->heart->liveness, now))
                paths_drain(d, true);

        retry = paths_retry(d, now);
        next = heart_turn(d->heart, now);
        tell_news(d, now);
        arm(d, now, MIN_OF(next, retry));
}

static bool all_is_well(const Daemon *d)
{
        for (unsigned i = 0; i < PATHS_MAX; i++)
                if (d->paths[i].used && d->heart->liveness.paths[i].state != PEER_ONLINE)
                        return false;
        return true;
}

/*
 * While all is well what waits quietly is read every few turns, in one go: the kernel has stamped it, urgent
 * frames wake us, and before anybody is called late everything is read.
 */
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Daemon *d = userdata;

        if (!all_is_well(d))
                paths_drain(d, true);
        else if (++d->turns % TURNS_PER_READ == 0)
                paths_drain(d, false);
        else
                paths_drain_serial(d);
        daemon_turn(d);
        return 0;
}

int daemon_open_timer(Daemon *d)
{
        int r;

        r = timer_new(service_event(d->service), on_timer, d, &d->timer);
        return r < 0 ? r : sd_event_source_set_priority(d->timer, HEART_PRIORITY);
}
