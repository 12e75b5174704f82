/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/replicd/events.h"

#include <errno.h>
#include <string.h>

#include "services/replicd/scan.h"

static const char *const role_names[] = {
        [DRBD_ROLE_UNKNOWN] = "Unknown",
        [DRBD_ROLE_SECONDARY] = "Secondary",
        [DRBD_ROLE_PRIMARY] = "Primary",
};

static const char *const connection_names[] = {
        [DRBD_CONNECTION_UNKNOWN] = "unknown",
        [DRBD_CONNECTION_STANDALONE] = "StandAlone",
        [DRBD_CONNECTION_DISCONNECTING] = "Disconnecting",
        [DRBD_CONNECTION_UNCONNECTED] = "Unconnected",
        [DRBD_CONNECTION_TIMEOUT] = "Timeout",
        [DRBD_CONNECTION_BROKEN_PIPE] = "BrokenPipe",
        [DRBD_CONNECTION_NETWORK_FAILURE] = "NetworkFailure",
        [DRBD_CONNECTION_PROTOCOL_ERROR] = "ProtocolError",
        [DRBD_CONNECTION_TEAR_DOWN] = "TearDown",
        [DRBD_CONNECTION_CONNECTING] = "Connecting",
        [DRBD_CONNECTION_HANDSHAKE] = "WFReportParams",
        [DRBD_CONNECTION_CONNECTED] = "Connected",
};

static const char *const replication_names[] = {
        [DRBD_REPLICATION_UNKNOWN] = "unknown",
        [DRBD_REPLICATION_OFF] = "Off",
        [DRBD_REPLICATION_ESTABLISHED] = "Established",
        [DRBD_REPLICATION_STARTING_SYNC_S] = "StartingSyncS",
        [DRBD_REPLICATION_STARTING_SYNC_T] = "StartingSyncT",
        [DRBD_REPLICATION_WF_BITMAP_S] = "WFBitMapS",
        [DRBD_REPLICATION_WF_BITMAP_T] = "WFBitMapT",
        [DRBD_REPLICATION_WF_SYNC_UUID] = "WFSyncUUID",
        [DRBD_REPLICATION_SYNC_SOURCE] = "SyncSource",
        [DRBD_REPLICATION_SYNC_TARGET] = "SyncTarget",
        [DRBD_REPLICATION_VERIFY_S] = "VerifyS",
        [DRBD_REPLICATION_VERIFY_T] = "VerifyT",
        [DRBD_REPLICATION_PAUSED_SYNC_S] = "PausedSyncS",
        [DRBD_REPLICATION_PAUSED_SYNC_T] = "PausedSyncT",
        [DRBD_REPLICATION_AHEAD] = "Ahead",
        [DRBD_REPLICATION_BEHIND] = "Behind",
};

static const char *const disk_names[] = {
        [DRBD_DISK_UNKNOWN] = "unknown",         [DRBD_DISK_DISKLESS] = "Diskless",
        [DRBD_DISK_ATTACHING] = "Attaching",     [DRBD_DISK_FAILED] = "Failed",
        [DRBD_DISK_NEGOTIATING] = "Negotiating", [DRBD_DISK_INCONSISTENT] = "Inconsistent",
        [DRBD_DISK_OUTDATED] = "Outdated",       [DRBD_DISK_DUNKNOWN] = "DUnknown",
        [DRBD_DISK_CONSISTENT] = "Consistent",   [DRBD_DISK_UP_TO_DATE] = "UpToDate",
};

static const char *const kind_names[] = {
        [DRBD_EXISTS] = "exists",   [DRBD_CREATE] = "create", [DRBD_CHANGE] = "change",
        [DRBD_DESTROY] = "destroy", [DRBD_CALL] = "call",     [DRBD_RESPONSE] = "response",
};

static const char *const object_names[] = {
        [DRBD_RESOURCE] = "resource",       [DRBD_DEVICE] = "device", [DRBD_CONNECTION] = "connection",
        [DRBD_PEER_DEVICE] = "peer-device", [DRBD_HELPER] = "helper", [DRBD_DUMPED] = "-",
};

/* The index of the word, or -1. */
static int look_up(const char *const names[], size_t n, Scan word)
{
        for (size_t i = 0; i < n; i++)
                if (scan_equal(word, names[i]))
                        return (int) i;
        return -1;
}

/* As look_up() for a state: 0 for one that is not known. */
static unsigned look_up_state(const char *const names[], size_t n, Scan word)
{
        int found = look_up(names, n, word);

        return found < 0 ? 0 : (unsigned) found;
}

static int parse_name(Scan value, DrbdEvent *e)
{
        return scan_copy(value, e->resource, sizeof(e->resource));
}

static int parse_minor(Scan value, DrbdEvent *e)
{
        uint64_t minor;
        int r = scan_decimal(value, &minor);

        if (r < 0)
                return r;
        if (minor > UINT32_MAX)
                return -EBADMSG;
        e->minor = (unsigned) minor;
        return 0;
}

static int parse_role(Scan value, DrbdEvent *e)
{
        e->role = look_up_state(role_names, ARRAY_SIZE(role_names), value);
        return 0;
}

static int parse_suspended(Scan value, DrbdEvent *e)
{
        e->suspended = !scan_equal(value, "no");
        return 0;
}

static int parse_disk(Scan value, DrbdEvent *e)
{
        e->disk = look_up_state(disk_names, ARRAY_SIZE(disk_names), value);
        return 0;
}

static int parse_size(Scan value, DrbdEvent *e)
{
        return scan_decimal(value, &e->size_kib);
}

static int parse_connection(Scan value, DrbdEvent *e)
{
        e->connection = look_up_state(connection_names, ARRAY_SIZE(connection_names), value);
        return 0;
}

static int parse_replication(Scan value, DrbdEvent *e)
{
        e->replication = look_up_state(replication_names, ARRAY_SIZE(replication_names), value);
        return 0;
}

static int parse_peer_disk(Scan value, DrbdEvent *e)
{
        e->peer_disk = look_up_state(disk_names, ARRAY_SIZE(disk_names), value);
        return 0;
}

static int parse_out_of_sync(Scan value, DrbdEvent *e)
{
        return scan_decimal(value, &e->out_of_sync_kib);
}

static int parse_resync_suspended(Scan value, DrbdEvent *e)
{
        e->resync_suspended = !scan_equal(value, "no");
        return 0;
}

static int parse_helper(Scan value, DrbdEvent *e)
{
        return scan_copy(value, e->helper, sizeof(e->helper));
}

static int parse_status(Scan value, DrbdEvent *e)
{
        uint64_t status;
        int r = scan_decimal(value, &status);

        if (r < 0)
                return r;
        if (status > UINT32_MAX)
                return -EBADMSG;
        e->status = (unsigned) status;
        return 0;
}

static const struct {
        const char *key;
        unsigned has;
        int (*parse)(Scan value, DrbdEvent *e);
} fields[] = {
        { "name", 0, parse_name },
        { "minor", DRBD_HAS_MINOR, parse_minor },
        { "role", DRBD_HAS_ROLE, parse_role },
        { "suspended", DRBD_HAS_SUSPENDED, parse_suspended },
        { "disk", DRBD_HAS_DISK, parse_disk },
        { "size", DRBD_HAS_SIZE, parse_size },
        { "connection", DRBD_HAS_CONNECTION, parse_connection },
        { "replication", DRBD_HAS_REPLICATION, parse_replication },
        { "peer-disk", DRBD_HAS_PEER_DISK, parse_peer_disk },
        { "out-of-sync", DRBD_HAS_OUT_OF_SYNC, parse_out_of_sync },
        { "resync-suspended", DRBD_HAS_RESYNC_SUSPENDED, parse_resync_suspended },
        { "helper", 0, parse_helper },
        { "status", DRBD_HAS_STATUS, parse_status },
};

static int parse_field(Scan word, DrbdEvent *e)
{
        Scan key = scan_until(&word, ':');

        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
                int r;

                if (!scan_equal(key, fields[i].key))
                        continue;
                r = fields[i].parse(word, e);
                if (r < 0)
                        return r;
                e->has |= fields[i].has;
                return 0;
        }
        return 0;
}

/* "exists", "device" and what follows them. */
static int parse_words(Scan kind, Scan *rest, DrbdEvent *e)
{
        int found = look_up(kind_names, ARRAY_SIZE(kind_names), kind);

        if (found < 0)
                return -EBADMSG;
        e->kind = (DrbdEventKind) found;

        found = look_up(object_names, ARRAY_SIZE(object_names), scan_word(rest));
        if (found < 0)
                return -EBADMSG;
        e->object = (DrbdObject) found;
        if (e->object == DRBD_DUMPED)
                return e->kind == DRBD_EXISTS ? 0 : -EBADMSG;

        for (Scan word = scan_word(rest); word.size > 0; word = scan_word(rest)) {
                int r = parse_field(word, e);

                if (r < 0)
                        return r;
        }
        if (e->resource[0] == '\0' || (e->object == DRBD_HELPER && e->helper[0] == '\0'))
                return -EBADMSG;
        return 0;
}

int drbd_event_parse(const char *line, size_t size, DrbdEvent *ret_event)
{
        Scan rest = { line, size };
        DrbdEvent event = {};
        Scan word = scan_word(&rest);
        int r;

        if (scan_equal(word, "-")) {
                if (!scan_equal(scan_word(&rest), "skipped"))
                        return -EBADMSG;
                event.object = DRBD_LOST;
                *ret_event = event;
                return 0;
        }

        /* A time stamp, which is not needed: what counts is when we hear of it, on a clock nobody sets. */
        if (word.size > 0 && scan_digit(word.text[0], 10) >= 0)
                word = scan_word(&rest);
        r = parse_words(word, &rest, &event);
        if (r < 0)
                return r;
        *ret_event = event;
        return 0;
}

const char *drbd_role_to_string(DrbdRole role)
{
        return role_names[role];
}

const char *drbd_connection_to_string(DrbdConnection connection)
{
        return connection_names[connection];
}

const char *drbd_disk_to_string(DrbdDisk disk)
{
        return disk_names[disk];
}
