/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel tells of DRBD: `drbdsetup events2`, one child for the life of the daemon, started again
 * when it ends.
 */
#pragma once

#include <systemd/sd-event.h>

#include "events.h"

typedef struct Watch Watch;

typedef struct WatchHandlers {
        void (*event)(const DrbdEvent *event, void *userdata);
        /* All that one read brought has been told. */
        void (*turn)(void *userdata);
        /* It ended: what is known is void until "exists -" comes again. `why` is its last words. */
        void (*ended)(const char *why, void *userdata);
} WatchHandlers;

_must_check_ int watch_new(sd_event *event, const WatchHandlers *handlers, void *userdata,
                           Watch **ret_watch);
Watch *watch_free(Watch *watch);

/* Begins anew: events were lost. */
void watch_again(Watch *watch);
