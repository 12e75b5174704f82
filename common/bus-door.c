/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bus door: the same objects under a well-known name of the system bus. Everything here is asynchronous
 * and may fail for ever: a frozen broker would hold a synchronous call for 90 s. When the broker restarts,
 * the name is taken again on a new connection.
 */
#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/service-internal.h"
#include "common/timer.h"

#define SYSTEM_BUS       "unix:path=/run/dbus/system_bus_socket"
#define RETRY_FIRST_USEC (50 * USEC_PER_MSEC)
#define RETRY_LAST_USEC  (2 * USEC_PER_SEC)

static void connect_later(Service *service);

static int on_name(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Service *service = userdata;
        const sd_bus_error *refusal = sd_bus_message_get_error(message);

        if (refusal) {
                log_warning(&service->log, "config", "The system bus does not give us the name %s: %s",
                            service->info->bus_name, refusal->message);
                connection_close(&service->system);
                connect_later(service);
                return 0;
        }
        service->system_delay_usec = RETRY_FIRST_USEC;
        return 0;
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Service *service = userdata;

        connection_close(&service->system);
        connect_later(service);
        return 0;
}

static int connect_now(Service *service)
{
        Connection *connection = &service->system;
        const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
        int r;

        *connection = (Connection){ .service = service };
        r = sd_bus_new(&connection->bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(connection->bus, address ?: SYSTEM_BUS);
        if (r < 0)
                return r;
        r = sd_bus_set_bus_client(connection->bus, 1);
        if (r < 0)
                return r;
        r = sd_bus_start(connection->bus);
        if (r < 0)
                return r;
        r = connection_equip(connection);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(connection->bus, NULL, "org.freedesktop.DBus.Local", NULL,
                                      "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, NULL,
                                      service);
        if (r < 0)
                return r;
        r = sd_bus_request_name_async(connection->bus, NULL, service->info->bus_name,
                                      SD_BUS_NAME_REPLACE_EXISTING, on_name, service);
        if (r < 0)
                return r;
        if (service->on_bus) {
                r = service->on_bus(connection->bus, service->userdata);
                if (r < 0)
                        return r;
        }
        return sd_bus_attach_event(connection->bus, service->event, SD_EVENT_PRIORITY_IDLE / 2);
}

static void try_connect(Service *service)
{
        int r = connect_now(service);

        if (r >= 0)
                return;
        connection_close(&service->system);
        connect_later(service);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        try_connect(userdata);
        return 0;
}

static void connect_later(Service *service)
{
        uint64_t delay = service->system_delay_usec;

        if (service->stopping)
                return;
        service->system_delay_usec = MIN_OF(delay * 2, RETRY_LAST_USEC);
        timer_set(service->system_retry, now_usec() + delay);
}

int bus_door_open(Service *service)
{
        int r;

        service->system_delay_usec = RETRY_FIRST_USEC;
        r = sd_event_add_time(service->event, &service->system_retry, CLOCK_BOOTTIME, 0, 1, on_retry,
                              service);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(service->system_retry, SD_EVENT_ONESHOT);
}

void bus_door_close(Service *service)
{
        connection_close(&service->system);
        service->system_retry = sd_event_source_disable_unref(service->system_retry);
}
