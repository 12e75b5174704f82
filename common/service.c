/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a daemon: loop, signals, watchdog, readiness, and what it says through its doors.
 */
#include "common/service.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/datagram.h"
#include "common/service-internal.h"

/* sd_notify() waits when the service manager hangs; this does not. */
static void notify(Service *service, const char *text)
{
        const char *path = getenv("NOTIFY_SOCKET");
        struct iovec part = { .iov_base = (void *) text, .iov_len = strlen(text) };

        if (!path || service->notify_fd < 0)
                return;
        if (datagram_send(service->notify_fd, path, &part, 1) < 0)
                return; /* what matters is said again: the watchdog's next turn */
}

void service_set_status(Service *service, const char *text)
{
        char line[256];

        snprintf(line, sizeof(line), "STATUS=%s", text);
        notify(service, line);
}

static void feed(void *userdata)
{
        notify(userdata, "WATCHDOG=1");
}

static int watchdog_open(Service *service)
{
        const char *usec = getenv("WATCHDOG_USEC");

        if (!usec)
                return 0;
        service->watchdog_usec = strtoull(usec, NULL, 10);
        if (service->watchdog_usec == 0)
                return 0;

        return turn_new(service->event, service->watchdog_usec / 4, feed, service, &service->watchdog);
}

void service_set_watchdog(Service *service, uint64_t usec)
{
        char line[64];

        if (!service->watchdog || usec == service->watchdog_usec)
                return;
        service->watchdog_usec = usec;
        snprintf(line, sizeof(line), "WATCHDOG_USEC=%" PRIu64 "\nWATCHDOG=1", usec);
        notify(service, line);
        turn_set_period(service->watchdog, usec / 4);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        Service *service = userdata;

        if (info->ssi_signo == SIGHUP)
                return service->on_reload ? service->on_reload(service->userdata) : 0;

        if (service->stopping)
                return 0;
        service->stopping = true;
        notify(service, "STOPPING=1");
        if (service->on_stop)
                return service->on_stop(service->userdata);
        service_exit(service);
        return 0;
}

static int signals_open(Service *service)
{
        static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
        sigset_t set;

        sigemptyset(&set);
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                sigaddset(&set, signals[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        signal(SIGPIPE, SIG_IGN);

        for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
                int r = sd_event_add_signal(service->event, NULL, signals[i], on_signal, service);

                if (r < 0)
                        return r;
        }
        return 0;
}

int service_new(const ServiceInfo *info, void *userdata, Service **ret_service)
{
        Service *service = calloc(1, sizeof(*service));
        int r;

        if (!service)
                return -ENOMEM;
        *service = (Service){ .info = info, .userdata = userdata, .notify_fd = -1, .listen_fd = -1 };
        log_open(&service->log, info->identifier);
        rights_resolve_users(service->daemon_uids);
        service->notify_fd = datagram_open();

        r = sd_event_default(&service->event);
        if (r < 0)
                goto fail;
        r = signals_open(service);
        if (r < 0)
                goto fail;
        r = watchdog_open(service);
        if (r < 0)
                goto fail;
        r = private_door_open(service);
        if (r < 0)
                goto fail;
        r = bus_door_open(service);
        if (r < 0)
                goto fail;

        *ret_service = service;
        return 0;

fail:
        log_error(&service->log, "config", "Cannot start: %s", strerror(-r));
        service_free(service);
        return r;
}

Service *service_free(Service *service)
{
        if (!service)
                return NULL;

        private_door_close(service);
        bus_door_close(service);
        turn_free(service->watchdog);
        sd_event_unref(service->event);
        if (service->notify_fd >= 0)
                close(service->notify_fd);
        log_close(&service->log);
        free(service);
        return NULL;
}

sd_event *service_event(Service *service)
{
        return service->event;
}

Log *service_log(Service *service)
{
        return &service->log;
}

void service_on_stop(Service *service, service_handler_t handler)
{
        service->on_stop = handler;
}

void service_on_bus(Service *service, service_bus_handler_t handler)
{
        service->on_bus = handler;
}

sd_bus *service_bus(Service *service)
{
        return service->system.bus;
}

void service_on_reload(Service *service, service_handler_t handler)
{
        service->on_reload = handler;
}

bool service_stopping(const Service *service)
{
        return service->stopping;
}

void service_exit(Service *service)
{
        sd_event_exit(service->event, 0);
}

int service_run(Service *service)
{
        notify(service, "READY=1");

        int r = sd_event_loop(service->event);
        if (r < 0)
                log_error(&service->log, "config", "The event loop ended: %s", strerror(-r));

        /* What was said last must still leave: the answer to the call that stopped us, a signal. */
        for (size_t i = 0; i < ARRAY_SIZE(service->private); i++) {
                if (service->private[i].bus)
                        (void) sd_bus_process(service->private[i].bus, NULL);
        }
        return r;
}

int service_exit_status(int error)
{
        if (error >= 0)
                return EXIT_SUCCESS;
        sleep(1);
        return EXIT_FAILURE;
}

typedef int (*tell_t)(sd_bus *bus, const void *what);

/*
 * Says something through every open door; a reader that does not read is dropped, not queued for. On the
 * private one who has not spoken yet hears nothing: busctl gives up when anything comes before its Hello is
 * answered.
 */
static void tell(Connection *connection, tell_t say, const void *what)
{
        uint64_t waiting;

        if (!connection->bus)
                return;
        if (sd_bus_get_n_queued_write(connection->bus, &waiting) >= 0 && waiting > PEER_BACKLOG_MAX) {
                log_warning(&connection->service->log, "config",
                            "Dropped a connection that left %" PRIu64 " messages unread", waiting);
                /* Not freed here: we may be inside its own dispatch. */
                sd_bus_close(connection->bus);
                return;
        }
        if (connection->private ? !connection->spoken : sd_bus_is_ready(connection->bus) <= 0)
                return;
        (void) say(connection->bus, what); /* one broken connection must not silence the others */
}

static void tell_all(Service *service, tell_t say, const void *what)
{
        for (size_t i = 0; i < ARRAY_SIZE(service->private); i++)
                tell(&service->private[i], say, what);
        tell(&service->system, say, what);
}

typedef struct Signal {
        const char *path, *interface, *member;
        service_append_t append;
        const void *arguments;
} Signal;

static int say_signal(sd_bus *bus, const void *what)
{
        const Signal *s = what;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = sd_bus_message_new_signal(bus, &message, s->path, s->interface, s->member);
        if (r < 0)
                return r;
        if (s->append) {
                r = s->append(message, s->arguments);
                if (r < 0)
                        return r;
        }
        return sd_bus_send(bus, message, NULL);
}

void service_emit(Service *service, const char *path, const char *interface, const char *member,
                  service_append_t append, const void *arguments)
{
        tell_all(service, say_signal,
                 &(Signal){ .path = path,
                            .interface = interface,
                            .member = member,
                            .append = append,
                            .arguments = arguments });
}

typedef struct Changed {
        const char *path, *interface;
        char **names;
} Changed;

static int say_changed(sd_bus *bus, const void *what)
{
        const Changed *c = what;

        return sd_bus_emit_properties_changed_strv(bus, c->path, c->interface, c->names);
}

void service_emit_changed(Service *service, const char *path, const char *interface, const char *property,
                          ...)
{
        char *names[32] = { (char *) property };
        size_t n = 1;
        va_list rest;

        va_start(rest, property);
        for (const char *name; n < ARRAY_SIZE(names) - 1 && (name = va_arg(rest, const char *)); n++)
                names[n] = (char *) name;
        va_end(rest);

        tell_all(service, say_changed, &(Changed){ .path = path, .interface = interface, .names = names });
}

void service_emit_changed_list(Service *service, const char *path, const char *interface,
                               const char *const *properties)
{
        /* sd-bus does not write to them, it only says so. */
        tell_all(service, say_changed,
                 &(Changed){ .path = path, .interface = interface, .names = (char **) properties });
}

static int say_added(sd_bus *bus, const void *what)
{
        return sd_bus_emit_object_added(bus, what);
}

void service_emit_added(Service *service, const char *path)
{
        tell_all(service, say_added, path);
}

static int say_removed(sd_bus *bus, const void *what)
{
        return sd_bus_emit_object_removed(bus, what);
}

void service_emit_removed(Service *service, const char *path)
{
        tell_all(service, say_removed, path);
}
