/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One line of `drbdsetup events2 --statistics --timestamps`, as drbd-utils 9.22 prints it for DRBD 8.4
 * (drbdsetup(8), "events2"): which object it tells of, and which fields. A line carries only what changed.
 * The tool calls the peer "peer" and shows the states of 8.4 in the words of DRBD 9. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"

#define DRBD_NAME_MAX   128 /* of a resource */
#define DRBD_HELPER_MAX 32

/* In each of these 0 is what was not told, or a word that is not known: never to be taken for a good state.
 */
typedef enum DrbdRole {
        DRBD_ROLE_UNKNOWN,
        DRBD_ROLE_SECONDARY,
        DRBD_ROLE_PRIMARY,
        _DRBD_ROLE_MAX,
} DrbdRole;

typedef enum DrbdConnection {
        DRBD_CONNECTION_UNKNOWN,
        DRBD_CONNECTION_STANDALONE,
        DRBD_CONNECTION_DISCONNECTING,
        DRBD_CONNECTION_UNCONNECTED,
        DRBD_CONNECTION_TIMEOUT,
        DRBD_CONNECTION_BROKEN_PIPE,
        DRBD_CONNECTION_NETWORK_FAILURE,
        DRBD_CONNECTION_PROTOCOL_ERROR,
        DRBD_CONNECTION_TEAR_DOWN,
        DRBD_CONNECTION_CONNECTING,
        DRBD_CONNECTION_HANDSHAKE, /* events2 says Connected while replication is still Off: not yet */
        DRBD_CONNECTION_CONNECTED,
        _DRBD_CONNECTION_MAX,
} DrbdConnection;

typedef enum DrbdReplication {
        DRBD_REPLICATION_UNKNOWN,
        DRBD_REPLICATION_OFF,
        DRBD_REPLICATION_ESTABLISHED,
        DRBD_REPLICATION_STARTING_SYNC_S,
        DRBD_REPLICATION_STARTING_SYNC_T,
        DRBD_REPLICATION_WF_BITMAP_S,
        DRBD_REPLICATION_WF_BITMAP_T,
        DRBD_REPLICATION_WF_SYNC_UUID,
        DRBD_REPLICATION_SYNC_SOURCE,
        DRBD_REPLICATION_SYNC_TARGET,
        DRBD_REPLICATION_VERIFY_S,
        DRBD_REPLICATION_VERIFY_T,
        DRBD_REPLICATION_PAUSED_SYNC_S,
        DRBD_REPLICATION_PAUSED_SYNC_T,
        DRBD_REPLICATION_AHEAD,
        DRBD_REPLICATION_BEHIND,
        _DRBD_REPLICATION_MAX,
} DrbdReplication;

typedef enum DrbdDisk {
        DRBD_DISK_UNKNOWN,
        DRBD_DISK_DISKLESS,
        DRBD_DISK_ATTACHING,
        DRBD_DISK_FAILED,
        DRBD_DISK_NEGOTIATING,
        DRBD_DISK_INCONSISTENT,
        DRBD_DISK_OUTDATED,
        DRBD_DISK_DUNKNOWN, /* of the peer: not connected */
        DRBD_DISK_CONSISTENT,
        DRBD_DISK_UP_TO_DATE,
        _DRBD_DISK_MAX,
} DrbdDisk;

typedef enum DrbdEventKind {
        DRBD_EXISTS,
        DRBD_CREATE,
        DRBD_CHANGE,
        DRBD_DESTROY,
        DRBD_CALL,     /* of a handler */
        DRBD_RESPONSE, /* it has ended */
        _DRBD_EVENT_KIND_MAX,
} DrbdEventKind;

typedef enum DrbdObject {
        DRBD_RESOURCE,
        DRBD_DEVICE,
        DRBD_CONNECTION,
        DRBD_PEER_DEVICE,
        DRBD_HELPER,
        DRBD_DUMPED, /* "exists -": all that exists has been told */
        DRBD_LOST,   /* "- skipped N": events were lost, what is known of the kernel is void */
        _DRBD_OBJECT_MAX,
} DrbdObject;

/* Which fields the line had. */
enum {
        DRBD_HAS_ROLE = 1 << 0,
        DRBD_HAS_SUSPENDED = 1 << 1,
        DRBD_HAS_DISK = 1 << 2,
        DRBD_HAS_SIZE = 1 << 3,
        DRBD_HAS_CONNECTION = 1 << 4,
        DRBD_HAS_REPLICATION = 1 << 5,
        DRBD_HAS_PEER_DISK = 1 << 6,
        DRBD_HAS_OUT_OF_SYNC = 1 << 7,
        DRBD_HAS_RESYNC_SUSPENDED = 1 << 8,
        DRBD_HAS_STATUS = 1 << 9,
        DRBD_HAS_MINOR = 1 << 10,
};

typedef struct DrbdEvent {
        DrbdEventKind kind;
        DrbdObject object;
        unsigned has; /* DRBD_HAS_… */
        char resource[DRBD_NAME_MAX];
        unsigned minor;
        DrbdRole role; /* of the resource: ours; of the connection: the peer's */
        bool suspended;
        DrbdDisk disk;
        uint64_t size_kib;
        DrbdConnection connection; /* never HANDSHAKE: volume.c tells it from Connected */
        DrbdReplication replication;
        DrbdDisk peer_disk;
        uint64_t out_of_sync_kib;
        bool resync_suspended;
        char helper[DRBD_HELPER_MAX];
        unsigned status; /* of a handler, as wait(2) has it: the exit code is in bits 8 to 15 */
} DrbdEvent;

/*
 * Reads one line, with or without its line feed. Keys that are not known are passed over: other versions
 * have others. -EBADMSG: no event, ret_event is untouched.
 */
_must_check_ int drbd_event_parse(const char *line, size_t size, DrbdEvent *ret_event);

/* DRBD's own words; "Unknown", or "unknown" for states, when nothing is known. */
const char *drbd_role_to_string(DrbdRole role);
const char *drbd_connection_to_string(DrbdConnection connection);
const char *drbd_disk_to_string(DrbdDisk disk);
