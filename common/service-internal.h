/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of a Service share: service.c (loop, signals, watchdog), bus-door.c, private-door.c,
 * rights.c.
 */
#pragma once

#include <sys/types.h>

#include "common/service.h"
#include "common/turn.h"

#define USER_CONNECTIONS_MAX    12 /* of one user: nobody can shut the others out */
#define PRIVATE_CONNECTIONS_MAX ((DAEMON_USERS + 1) * USER_CONNECTIONS_MAX)
#define DAEMON_USERS            5
#define PEER_BACKLOG_MAX        256 /* messages that wait for a reader */

/* One open connection of either door. */
typedef struct Connection {
        Service *service;
        sd_bus *bus;
        bool private;
        uid_t uid;   /* of the peer, private door only */
        bool spoken; /* it has sent something; see tell() */
} Connection;

struct Service {
        const ServiceInfo *info;
        void *userdata;
        sd_event *event;
        Log log;
        service_handler_t on_stop, on_reload;
        service_bus_handler_t on_bus;
        bool stopping;

        int notify_fd;
        uint64_t watchdog_usec; /* 0: none */
        Turn *watchdog;

        Connection system;
        sd_event_source *system_retry;
        uint64_t system_delay_usec;

        uid_t daemon_uids[DAEMON_USERS];
        int listen_fd;
        sd_event_source *listen_source;
        uint64_t refusal_usec; /* when one was logged last */
        Connection private[PRIVATE_CONNECTIONS_MAX];
};

_must_check_ int bus_door_open(Service *service);
void bus_door_close(Service *service);

_must_check_ int private_door_open(Service *service);
void private_door_close(Service *service);

/* Closes and frees the connection of either door; harmless when it is closed already. */
void connection_close(Connection *connection);

/* Installs the check of rights and the objects on a connection that was just made. */
_must_check_ int connection_equip(Connection *connection);

/* Looks the daemons' users up once, so that the loop asks no name service; (uid_t) -1 for one that is
 * missing. */
void rights_resolve_users(uid_t ret_uids[static DAEMON_USERS]);

/* Whether `uid` is root, this daemon's own user or the user of another daemon of hapair. */
bool rights_known_user(const Service *service, uid_t uid);

/* A filter for sd_bus_add_filter() with a Connection as userdata: refuses calls that the sender may not
 * make. */
int rights_filter(sd_bus_message *message, void *userdata, sd_bus_error *error);
