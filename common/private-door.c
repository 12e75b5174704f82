/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The private door: D-Bus peer to peer on a UNIX socket of systemd's making, for the other daemons and for
 * root. It needs no bus daemon: addresses and volume fail over while the system bus is dead, restarting or
 * starved.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/service-internal.h"

#define REFUSAL_LOG_USEC (10 * USEC_PER_SEC)

void connection_close(Connection *connection)
{
        if (connection->bus)
                sd_bus_close(connection->bus);
        connection->bus = sd_bus_unref(connection->bus);
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        connection_close(userdata);
        return 0;
}

static int on_leftover(sd_event_source *source, void *userdata)
{
        Connection *connection = userdata;

        sd_event_source_unref(source);
        if (connection->bus)
                (void) sd_bus_process(connection->bus, NULL);
        return 0;
}

/*
 * A call that came in one piece with the end of the handshake lies in sd-bus's buffer already, where no poll
 * would ever see it: look there once. GDBus clients send like that; one call in seventy was never answered.
 */
static int on_connected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Connection *connection = userdata;
        sd_event_source *source;

        return sd_event_add_defer(connection->service->event, &source, on_leftover, connection);
}

int connection_equip(Connection *connection)
{
        Service *service = connection->service;
        int r;

        r = sd_bus_add_filter(connection->bus, NULL, rights_filter, connection);
        if (r < 0)
                return r;
        return service->info->add_objects(connection->bus, service->userdata);
}

static int start_server(Connection *connection, int fd)
{
        sd_bus *bus;
        sd_id128_t id;
        int r;

        r = sd_bus_new(&bus);
        if (r < 0) {
                close(fd);
                return r;
        }
        connection->bus = bus;
        r = sd_bus_set_fd(bus, fd, fd);
        if (r < 0) {
                close(fd);
                return r;
        }
        r = sd_id128_randomize(&id);
        if (r < 0)
                return r;
        r = sd_bus_set_server(bus, 1, id);
        if (r < 0)
                return r;
        /* The socket's own permissions and SO_PEERCRED have judged the caller; SASL needs no second opinion.
         */
        r = sd_bus_set_anonymous(bus, 1);
        if (r < 0)
                return r;
        r = sd_bus_set_sender(bus, connection->service->info->bus_name);
        if (r < 0)
                return r;
        r = sd_bus_set_connected_signal(bus, 1);
        if (r < 0)
                return r;
        r = sd_bus_start(bus);
        if (r < 0)
                return r;
        r = connection_equip(connection);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(bus, NULL, "org.freedesktop.DBus.Local", NULL, "org.freedesktop.DBus.Local",
                                "Connected", on_connected, connection);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(bus, NULL, "org.freedesktop.DBus.Local", NULL, "org.freedesktop.DBus.Local",
                                "Disconnected", on_disconnected, connection);
        if (r < 0)
                return r;
        return sd_bus_attach_event(bus, connection->service->event, SD_EVENT_PRIORITY_NORMAL);
}

static Connection *free_place(Service *service, uid_t uid)
{
        Connection *place = NULL;
        unsigned taken = 0;

        for (size_t i = 0; i < ARRAY_SIZE(service->private); i++) {
                Connection *connection = &service->private[i];

                if (!connection->bus)
                        place = connection;
                else if (connection->uid == uid)
                        taken++;
        }
        return taken < USER_CONNECTIONS_MAX ? place : NULL;
}

/* Once in a while: who knocks all the time must not fill the journal. */
static void log_refusal(Service *service, uid_t uid, const char *why)
{
        uint64_t now = now_usec();

        if (service->refusal_usec != 0 && now - service->refusal_usec < REFUSAL_LOG_USEC)
                return;
        service->refusal_usec = now;
        log_warning(&service->log, "config", "Refused a connection of user %u on the private socket: %s",
                    uid, why);
}

static int on_connection(sd_event_source *source, int listen_fd, uint32_t revents, void *userdata)
{
        Service *service = userdata;
        struct ucred peer;
        socklen_t size = sizeof(peer);

        int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
                return 0; /* the caller is gone already */

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
                close(fd);
                return 0;
        }
        Connection *connection = free_place(service, peer.uid);
        bool known = rights_known_user(service, peer.uid);
        if (!known || !connection) {
                log_refusal(service, peer.uid,
                            known ? "it has too many connections"
                                  : "it is neither root nor one of hapair's");
                close(fd);
                return 0;
        }

        *connection = (Connection){ .service = service, .private = true, .uid = peer.uid };
        int r = start_server(connection, fd);
        if (r < 0) {
                log_warning(&service->log, "config", "Cannot serve a private connection: %s", strerror(-r));
                connection_close(connection);
        }
        return 0;
}

int private_door_open(Service *service)
{
        int n = sd_listen_fds(1);

        if (n < 0)
                return n;
        if (n == 0)
                return 0;
        if (n > 1)
                return -E2BIG;
        if (sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0)
                return -EINVAL;
        service->listen_fd = SD_LISTEN_FDS_START;

        int r = sd_event_add_io(service->event, &service->listen_source, service->listen_fd, EPOLLIN,
                                on_connection, service);
        return r < 0 ? r : 0;
}

void private_door_close(Service *service)
{
        for (size_t i = 0; i < ARRAY_SIZE(service->private); i++)
                connection_close(&service->private[i]);
        service->listen_source = sd_event_source_disable_unref(service->listen_source);
}
