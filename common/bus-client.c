/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection to another daemon's private door, made again whenever it breaks.
 */
#include "common/bus-client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/timer.h"

#define RETRY_FIRST_USEC (1 * USEC_PER_MSEC)
#define RETRY_LAST_USEC  (100 * USEC_PER_MSEC)

struct BusClient {
        Service *service;
        const BusClientHandlers *handlers;
        void *userdata;
        char address[128];
        sd_bus *bus;
        sd_event_source *retry;
        uint64_t delay_usec, connected_usec;
};

static void drop(BusClient *client)
{
        if (client->bus)
                sd_bus_close(client->bus);
        client->bus = sd_bus_unref(client->bus);
}

static void connect_later(BusClient *client)
{
        uint64_t now = now_usec();

        /* One that lived for a while broke for its own reasons: no need to go easy on the other side. */
        if (client->connected_usec > 0 && now - client->connected_usec > USEC_PER_SEC)
                client->delay_usec = RETRY_FIRST_USEC;
        client->connected_usec = 0;

        timer_set(client->retry, now + client->delay_usec);
        client->delay_usec = MIN_OF(client->delay_usec * 2, RETRY_LAST_USEC);
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        BusClient *client = userdata;

        drop(client);
        connect_later(client);
        if (client->handlers->disconnected)
                client->handlers->disconnected(client->userdata);
        return 0;
}

static int connect_now(BusClient *client)
{
        int r;

        r = sd_bus_new(&client->bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(client->bus, client->address);
        if (r < 0)
                return r;
        r = sd_bus_start(client->bus);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(client->bus, NULL, "org.freedesktop.DBus.Local", NULL,
                                "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, client);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(client->bus, service_event(client->service), SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        /* Signals come to who has spoken. */
        r = sd_bus_call_method_async(client->bus, NULL, NULL, "/", "org.freedesktop.DBus.Peer", "Ping", NULL,
                                     NULL, NULL);
        if (r < 0)
                return r;
        client->connected_usec = now_usec();
        return client->handlers->connected(client->bus, client->userdata);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        BusClient *client = userdata;

        if (service_stopping(client->service))
                return 0;
        if (connect_now(client) < 0) {
                drop(client);
                connect_later(client);
        }
        return 0;
}

int bus_client_new(Service *service, const char *name, const BusClientHandlers *handlers, void *userdata,
                   BusClient **ret_client)
{
        const char *directory = getenv("HAPAIR_RUNTIME_DIR");
        BusClient *client = calloc(1, sizeof(*client));
        int r;

        if (!client)
                return -ENOMEM;
        *client = (BusClient){ .service = service,
                               .handlers = handlers,
                               .userdata = userdata,
                               .delay_usec = RETRY_FIRST_USEC };
        r = snprintf(client->address, sizeof(client->address), "unix:path=%s/%s.socket",
                     directory ?: "/run/hapair", name);
        if (r < 0 || (size_t) r >= sizeof(client->address)) {
                free(client);
                return -ENAMETOOLONG;
        }
        r = sd_event_add_time(service_event(service), &client->retry, CLOCK_BOOTTIME, 0, 1, on_retry,
                              client);
        if (r < 0) {
                free(client);
                return r;
        }
        *ret_client = client;
        return 0;
}

BusClient *bus_client_free(BusClient *client)
{
        if (!client)
                return NULL;
        drop(client);
        sd_event_source_disable_unref(client->retry);
        free(client);
        return NULL;
}

sd_bus *bus_client_get(BusClient *client)
{
        return client->bus;
}
