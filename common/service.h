/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every daemon of hapair is made of: the event loop, signals, the watchdog, readiness, the log, and the
 * two doors through which its objects are reached: the system bus (people, tools, pages) and its private
 * socket (the other daemons, and root). Both show the same objects; the private door works when the bus does
 * not.
 *
 * A daemon's main() makes its own context, calls service_new(), opens what it needs, and then service_run().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "common/base/macros.h"
#include "common/log.h"

typedef struct Service Service;

/* Who may call a method; made by the generator from the annotations of the interface. */
typedef struct ServiceRight {
        const char *interface;
        const char *member;
        /*
         * Users for whom the private door answers, besides root, separated by commas. The bus door refuses a
         * method that has any; "" is root alone. NULL: everybody, on both doors.
         */
        const char *private_users;
        bool on_bus; /* the bus door answers, and asks polkit */
} ServiceRight;

typedef struct ServiceInfo {
        const char *name;                                /* "vipd": its socket is /run/hapair/vipd.socket */
        const char *identifier;                          /* "hapair-vipd", in the journal */
        const char *bus_name;                            /* "org.hapair.Address1" */
        const ServiceRight *rights;                      /* ends with an interface of NULL */
        int (*add_objects)(sd_bus *bus, void *userdata); /* called for each connection; 0 or -errno */
} ServiceInfo;

typedef int (*service_handler_t)(void *userdata);

/*
 * Makes the loop and listens on the private socket that the service manager passed (none passed: bus door
 * only) and begins to connect to the system bus. `info` and `userdata` must outlive it. The caller frees it.
 * Errors: those of sd_event_default(3), sd_listen_fds(3).
 */
_must_check_ int service_new(const ServiceInfo *info, void *userdata, Service **ret_service);
Service *service_free(Service *service);

sd_event *service_event(Service *service);
Log *service_log(Service *service);

/* SIGTERM and SIGINT call `handler`, which ends with service_exit(); without one they end the loop. */
void service_on_stop(Service *service, service_handler_t handler);

/* Called with each new connection to the system bus; what is asked of it waits until it is up. */
typedef int (*service_bus_handler_t)(sd_bus *bus, void *userdata);
void service_on_bus(Service *service, service_bus_handler_t handler);

/* The connection to the system bus; NULL while there is none. */
sd_bus *service_bus(Service *service);

/* SIGHUP. */
void service_on_reload(Service *service, service_handler_t handler);

/* Who is stopping opens no connection: an active socket would start the other daemon again. */
bool service_stopping(const Service *service);

/* Ends the loop; service_run() returns. */
void service_exit(Service *service);

/* Tells the service manager another watchdog time: it is kept below the dead time. Ignored without a
 * watchdog. */
void service_set_watchdog(Service *service, uint64_t usec);

/* Tells `systemctl status` what the daemon is at. */
void service_set_status(Service *service, const char *text);

/*
 * What main() returns for the error, or 0, that its daemon ended with. A start that fails is not tried again
 * at once, as a crash is: its reason lasts, and a restart every 30 ms would fill the journal.
 */
_must_check_ int service_exit_status(int error);

/* Says READY=1 and runs until the end. 0, or the error that ended the loop. */
_must_check_ int service_run(Service *service);

typedef int (*service_append_t)(sd_bus_message *message, const void *arguments);

/*
 * Sends a signal through every open door; used by the generated emitters. A reader that has more than 256
 * messages waiting is dropped instead.
 */
void service_emit(Service *service, const char *path, const char *interface, const char *member,
                  service_append_t append, const void *arguments);

/* Emits PropertiesChanged with the present values of the named properties; ends with NULL. */
void service_emit_changed(Service *service, const char *path, const char *interface, const char *property,
                          ...) __attribute__((sentinel));

/* The same for a list of names, that ends with NULL. */
void service_emit_changed_list(Service *service, const char *path, const char *interface,
                               const char *const *properties);

/* Emits InterfacesAdded for a child object that now exists, InterfacesRemoved just before it goes. */
void service_emit_added(Service *service, const char *path);
void service_emit_removed(Service *service, const char *path);
