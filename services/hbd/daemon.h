/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of hapair-hbd share: daemon.c (start and stop), apply.c (settings), turn.c (the clockwork
 * and the news), paths.c (sockets and serial lines), bus.c (what others may ask and call).
 */
#pragma once

#include "common/service.h"
#include "common/settings.h"
#include "common/state.h"
#include "interfaces/heartbeat1-server.h"
#include "services/hbd/cobs.h"
#include "services/hbd/hbd-settings.h"
#include "services/hbd/heart.h"
#include "services/hbd/stamp.h"
#include "services/hbd/udp.h"

#define PATH_REASON_MAX 160u

/* Heartbeats go before everything else; the timer and the sockets take turns. */
#define HEART_PRIORITY SD_EVENT_PRIORITY_IMPORTANT

/* As Path.State on the bus. */
typedef enum PathState {
        PATH_UNKNOWN,
        PATH_UP,
        PATH_LATE,
        PATH_LOST,
        PATH_ONE_WAY,
        PATH_DOWN,
        PATH_STATE_MAX,
        PATH_STATE_INVALID = -EINVAL,
} PathState;

typedef struct Daemon Daemon;

/* What is read from one socket. */
typedef struct Inflow {
        Stamper stamper;
        bool more; /* the last time left something in it */
} Inflow;

/* The outside of a path; the inside is the Heart's path of the same index. */
typedef struct Path {
        Daemon *daemon;
        bool used;
        PathSettings settings;
        PathKind kind;
        char *object; /* of the bus */
        UdpSockets udp;
        Inflow quiet, urgent;
        int serial_fd;        /* -1: not open */
        uint64_t looked_usec; /* when the serial line was read last */
        sd_event_source *io;
        SocketAddress own, peer;
        char device[IF_NAMESIZE]; /* UDP: what holds the address */
        Deframer deframer;
        char fault[PATH_REASON_MAX]; /* why it is down; empty: it is not */
        bool reopen;                 /* the next try begins with another socket */
        uint64_t retry_usec, retry_delay_usec;
        PathState state;
        uint64_t since_usec;
} Path;

#define PATH_INIT(d) ((Path){ .daemon = (d), .udp = { -1, -1 }, .serial_fd = -1 })

struct Daemon {
        Service *service;
        Settings *settings;
        Heart *heart;
        StateFile *starts; /* while the count of starts is on its way to the disk */
        uint16_t port;
        Path paths[PATHS_MAX];
        sd_event_source *timer;
        uint64_t armed_usec; /* 0: not yet */
        bool real_time, memory_locked;
        uint64_t garbage, late_self;
        unsigned turns;
        PeerState peer_state; /* as last told */
        uint64_t refused, refused_told_usec;
};

/* daemon.c. `d` is zeroed, and stays where it is. Stop it also when it could not start. */
_must_check_ int daemon_start(Daemon *d);
void daemon_stop(Daemon *d);

/* apply.c: what settings_open() calls. */
int daemon_apply_settings(sd_bus_message *message, void *userdata);

/* turn.c */
_must_check_ int daemon_open_timer(Daemon *d);

/* Judges, sends what is due, tells what is new, sets the timer. Call it after anything that may change it.
 */
void daemon_turn(Daemon *d);

/* paths.c */
void paths_apply(Daemon *d, const PathSettings *settings, unsigned n_settings, uint16_t port);

/* Reads what waits for our turn; with `all`, also what would wake us anyway. */
void paths_drain(Daemon *d, bool all);

/* Reads the serial lines, which no kernel stamps: the longer a frame waits, the less is known of its time.
 */
void paths_drain_serial(Daemon *d);
bool path_is_open(const Path *p);
/* Opens again what is due; returns when the next try is. */
uint64_t paths_retry(Daemon *d, uint64_t now);
/* Tells what changed. */
void paths_tell(Daemon *d, uint64_t now);
int path_send(Daemon *d, unsigned index, const uint8_t *frame, size_t size);
const char *path_reason(const Path *p);
const char *path_state_to_string(PathState state);

/* bus.c */
extern const ServiceInfo daemon_info;
void bus_tell_peer(Daemon *d, PeerReason reason);
void bus_tell_record(Daemon *d);
void bus_tell_limits(Daemon *d);
