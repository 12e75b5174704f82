/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A daemon's connection to another daemon's private door, made again whenever it breaks: the other one may
 * be killed at any moment and is back within milliseconds.
 */
#pragma once

#include "common/service.h"

typedef struct BusClient BusClient;

typedef struct BusClientHandlers {
        /* A new connection: subscribe and ask anew. Calls may be queued at once. -errno closes it again. */
        int (*connected)(sd_bus *bus, void *userdata);
        /* It broke: what was asked stays unanswered. May be NULL. */
        void (*disconnected)(void *userdata);
} BusClientHandlers;

/*
 * Connects, from the loop, to /run/hapair/NAME.socket ($HAPAIR_RUNTIME_DIR instead of /run/hapair where it
 * is set). The caller frees it before the service.
 */
_must_check_ int bus_client_new(Service *service, const char *name, const BusClientHandlers *handlers,
                                void *userdata, BusClient **ret_client);
BusClient *bus_client_free(BusClient *client);

/* The connection; NULL while there is none. */
sd_bus *bus_client_get(BusClient *client);
