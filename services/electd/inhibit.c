/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shutdown inhibitor: one is held, one may be asked for, and when the reason changes the new one is
 * taken before the old one goes.
 */
#include "inhibit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"

#define LOGIND           "org.freedesktop.login1"
#define LOGIND_OBJECT    "/org/freedesktop/login1"
#define LOGIND_INTERFACE "org.freedesktop.login1.Manager"
#define RETRY_USEC       (10 * USEC_PER_SEC)
#define REASON_MAX       256

struct Inhibit {
        Service *service;
        int fd; /* of the one that is held; -1: none */
        char held[REASON_MAX], asked[REASON_MAX], wanted[REASON_MAX];
        sd_bus_slot *call; /* NULL: none is being asked for */
        uint64_t retry_usec;
        bool complained;
};

static void drop(Inhibit *inhibit)
{
        if (inhibit->fd >= 0)
                close(inhibit->fd);
        inhibit->fd = -1;
        inhibit->held[0] = 0;
}

static void refused(Inhibit *inhibit, const char *why)
{
        inhibit->retry_usec = now_usec() + RETRY_USEC;
        if (!inhibit->complained)
                log_warning(service_log(inhibit->service), "failover",
                            "logind takes no shutdown inhibitor: %s; a reboot is not warned of", why);
        inhibit->complained = true;
}

static int on_inhibitor(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        Inhibit *inhibit = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(message);
        int fd = -1, r;

        inhibit->call = sd_bus_slot_unref(inhibit->call);
        r = error ? -EIO : sd_bus_message_read(message, "h", &fd);
        if (r >= 0) {
                fd = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* the message keeps its own */
                r = fd < 0 ? -errno : 0;
        }
        if (r < 0) {
                refused(inhibit, error ? error->message ?: error->name : strerror(-r));
                return 0;
        }
        drop(inhibit);
        inhibit->fd = fd;
        inhibit->complained = false;
        memcpy(inhibit->held, inhibit->asked, REASON_MAX);
        return 0;
}

void inhibit_want(Inhibit *inhibit, const char *reason)
{
        sd_bus *bus = service_bus(inhibit->service);
        int r;

        snprintf(inhibit->wanted, REASON_MAX, "%s", reason);
        if (reason[0] == 0) {
                inhibit->call = sd_bus_slot_unref(inhibit->call);
                drop(inhibit);
                return;
        }
        if (inhibit->call || strcmp(inhibit->held, inhibit->wanted) == 0 || !bus ||
            now_usec() < inhibit->retry_usec)
                return;
        memcpy(inhibit->asked, inhibit->wanted, REASON_MAX);
        r = sd_bus_call_method_async(bus, &inhibit->call, LOGIND, LOGIND_OBJECT, LOGIND_INTERFACE, "Inhibit",
                                     on_inhibitor, inhibit, "ssss", "shutdown", "hapair", inhibit->asked,
                                     "block");
        if (r < 0)
                refused(inhibit, strerror(-r));
}

/* Another logind may know nothing of what the one before it granted: asked anew. */
static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Inhibit *inhibit = userdata;

        inhibit->held[0] = 0;
        inhibit->retry_usec = 0;
        return 0;
}

int inhibit_connected(Inhibit *inhibit, sd_bus *bus)
{
        inhibit->call = sd_bus_slot_unref(inhibit->call);
        inhibit->held[0] = 0;
        inhibit->retry_usec = 0;
        return sd_bus_add_match_async(bus, NULL,
                                      "type='signal',sender='org.freedesktop.DBus',"
                                      "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                                      "arg0='" LOGIND "'",
                                      on_owner_changed, NULL, inhibit);
}

int inhibit_new(Service *service, Inhibit **ret_inhibit)
{
        Inhibit *inhibit = malloc(sizeof(*inhibit));

        if (!inhibit)
                return -ENOMEM;
        *inhibit = (Inhibit){ .service = service, .fd = -1 };
        *ret_inhibit = inhibit;
        return 0;
}

Inhibit *inhibit_free(Inhibit *inhibit)
{
        if (!inhibit)
                return NULL;
        sd_bus_slot_unref(inhibit->call);
        drop(inhibit);
        free(inhibit);
        return NULL;
}
