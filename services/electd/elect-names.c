/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How states, reasons and results are spelled on D-Bus, in the journal and for people.
 */
#include "common/base/macros.h"
#include "elect-types.h"

#define LOOKUP(table, value) ((size_t) (value) < ARRAY_SIZE(table) ? (table)[value] : NULL)

const char *elect_role_to_string(ElectRole role)
{
        static const char *const names[] = {
                [ELECT_ROLE_NONE] = "none",
                [ELECT_ROLE_SLAVE] = "slave",
                [ELECT_ROLE_MASTER] = "master",
        };
        return LOOKUP(names, role);
}

const char *elect_state_to_string(ElectState state)
{
        static const char *const names[] = {
                [ELECT_INIT] = "init",
                [ELECT_WAIT_PEER] = "wait-peer",
                [ELECT_SLAVE] = "slave",
                [ELECT_PROMOTING] = "promoting",
                [ELECT_MASTER] = "master",
                [ELECT_ISOLATED] = "isolated",
                [ELECT_DEMOTING] = "demoting",
                [ELECT_LEAVING] = "leaving",
                [ELECT_MAINTENANCE] = "maintenance",
                [ELECT_FAULT] = "fault",
        };
        return LOOKUP(names, state);
}

const char *elect_reason_to_string(ElectReason reason)
{
        static const char *const names[] = {
                [ELECT_REASON_NONE] = "none",
                [ELECT_REASON_BOOT] = "this node has started",
                [ELECT_REASON_RESUME] = "electd restarted and the role was still held here",
                [ELECT_REASON_MASTER_HEARD] = "the peer is the running master",
                [ELECT_REASON_CONFIGURED] = "neither node was master and this is the configured master",
                [ELECT_REASON_FIT] = "neither node was master and the configured master cannot serve",
                [ELECT_REASON_PEER_LOST] = "the peer was silent on every path for the dead time",
                [ELECT_REASON_PEER_REBOOTED] = "the peer's kernel was booted anew",
                [ELECT_REASON_PEER_GONE] = "the peer has left in order",
                [ELECT_REASON_NOBODY_HEARD] = "nobody was heard since the start",
                [ELECT_REASON_OPERATOR] = "an operator asked for it",
                [ELECT_REASON_FAILBACK] = "failback to the configured master",
                [ELECT_REASON_LINK_DOWN] = "the primary LAN of the running master is down",
                [ELECT_REASON_LEAVING] = "a node stops in order",
                [ELECT_REASON_SERVICE_FAILED] = "a service or disk keeps failing on the running master",
                [ELECT_REASON_LOWER_EPOCH] = "two masters met and this one is the older",
                [ELECT_REASON_NOT_ECHOED] = "two masters met and the peer does not hear this one",
                [ELECT_REASON_TIE] = "two masters of one epoch met and this is the configured slave",
                [ELECT_REASON_SOLE] = "this node has the newest data and the durable right to be alone",
                [ELECT_REASON_CONSENT] = "the peer consented to be barred",
                [ELECT_REASON_EVIDENCE] = "paths, replication and addresses all show the peer gone",
                [ELECT_REASON_FORCED] = "an operator forced it",
                [ELECT_REASON_RECONNECTED] = "the peer is connected again",
                [ELECT_REASON_REPLICATION_LOST] =
                                "replication was lost and the right to go on is not proven",
                [ELECT_REASON_PEER_HOLDS_RIGHT] = "the peer holds the right to be alone",
                [ELECT_REASON_OFFER] = "nobody took over what was handed over",
                [ELECT_REASON_ORDER_FAILED] = "a step failed or took too long",
                [ELECT_REASON_NOT_TAKEN] = "the peer could not take over",
                [ELECT_REASON_SPLIT_BRAIN] = "both nodes wrote alone",
                [ELECT_REASON_MEMORY_LOST] = "what this node remembered is missing or corrupt",
                [ELECT_REASON_MAINTENANCE] = "an operator switched maintenance",
                [ELECT_REASON_INACTIVE] = "switched off in the configuration",
                [ELECT_REASON_ISOLATED_LAN] = "every path and the gateway fell together",
                [ELECT_REASON_LATE] = "this node itself was late: what it knew is void",
                [ELECT_REASON_ISOLATED] = "the arbiter lets an isolated master go on",
                [ELECT_REASON_DISK_LOST] = "the disk of this node has failed",
                [ELECT_REASON_DISK_BACK] = "the disk of this node is back",
                [ELECT_REASON_RESOLVED] = "an operator said whose data stay",
                [ELECT_REASON_LINK_SILENT] =
                                "the peer's kernel no longer answers at the replication link: its connection is ended",
        };
        return LOOKUP(names, reason);
}

const char *elect_result_to_string(ElectResult result)
{
        static const char *const names[] = {
                [ELECT_OK] = "done",
                [ELECT_REFUSED_STATE] = "not possible in the state a node is in",
                [ELECT_REFUSED_PEER] = "the peer is away, unknown, or cannot take part",
                [ELECT_REFUSED_UNFIT] = "the node that would take over is not able to serve",
                [ELECT_REFUSED_SYNC] = "the disk that would take over is not up to date",
                [ELECT_REFUSED_SPLIT_BRAIN] = "both nodes wrote alone; resolve the split brain first",
                [ELECT_REFUSED_BUSY] = "another change of roles is under way",
                [ELECT_REFUSED_MASTER_HEARD] = "the peer is heard as the running master",
                [ELECT_REFUSED_INACTIVE] = "not active, or this node owns neither configured address",
                [ELECT_FAILED_TIMEOUT] = "nobody took over in time; the roles are as they were",
                [ELECT_FAILED_ORDER] = "a step failed",
                [ELECT_REFUSED_SNAPSHOT] =
                                "no snapshot can be kept of the data that would be discarded; the "
                                "journal of that node says why",
        };
        return LOOKUP(names, result);
}

const char *elect_order_to_string(ElectOrder order)
{
        static const char *const names[] = {
                [ELECT_ORDER_NONE] = "none",
                [ELECT_ORDER_DISCONNECT] = "disconnect the replication",
                [ELECT_ORDER_PRIMARY] = "make the disk primary",
                [ELECT_ORDER_MOUNT] = "mount the volume",
                [ELECT_ORDER_START] = "start the services",
                [ELECT_ORDER_ACQUIRE] = "acquire the virtual IPs",
                [ELECT_ORDER_WITHDRAW] = "withdraw the virtual IPs",
                [ELECT_ORDER_STOP] = "stop the services",
                [ELECT_ORDER_UNMOUNT] = "unmount the volume",
                [ELECT_ORDER_SECONDARY] = "make the disk secondary",
                [ELECT_ORDER_RESUME] = "resume the frozen disk",
                [ELECT_ORDER_ANNOUNCE] = "announce the virtual IPs",
                [ELECT_ORDER_LEAVE] = "take leave of the peer's disk",
                [ELECT_ORDER_CONNECT] = "connect the disk whose data stay",
                [ELECT_ORDER_DISCARD] = "keep a snapshot of the data and discard them",
        };
        return LOOKUP(names, order);
}

const char *elect_disk_to_string(ElectDisk disk)
{
        static const char *const names[] = {
                [ELECT_DISK_UNKNOWN] = "unknown",        [ELECT_DISK_DISKLESS] = "no disk",
                [ELECT_DISK_INCONSISTENT] = "half-made", [ELECT_DISK_OUTDATED] = "outdated",
                [ELECT_DISK_CONSISTENT] = "consistent",  [ELECT_DISK_UP_TO_DATE] = "up to date",
        };
        return LOOKUP(names, disk);
}

const char *elect_message_to_string(ElectMessageType type)
{
        static const char *const names[] = {
                [ELECT_MSG_INVALID] = "invalid",   [ELECT_MSG_PREQ] = "preq",
                [ELECT_MSG_HANDOVER] = "handover", [ELECT_MSG_REFUSED] = "refused",
                [ELECT_MSG_TAKEOVER] = "takeover", [ELECT_MSG_OUTDATE] = "outdate",
                [ELECT_MSG_OUTDATED] = "outdated", [ELECT_MSG_ELIGIBLE] = "eligible",
                [ELECT_MSG_LEAVING] = "leaving",   [ELECT_MSG_LEAVING_ACK] = "leaving-ack",
                [ELECT_MSG_SESSION] = "session",   [ELECT_MSG_FACTS] = "facts",
                [ELECT_MSG_HISTORY] = "history",   [ELECT_MSG_RESOLVE] = "resolve",
                [ELECT_MSG_RESOLVED] = "resolved",
        };
        return LOOKUP(names, type);
}

const char *elect_peer_state_to_string(ElectPeerState state)
{
        static const char *const names[] = {
                [ELECT_PEER_UNKNOWN] = "unknown",
                [ELECT_PEER_ONLINE] = "online",
                [ELECT_PEER_LATE] = "late",
                [ELECT_PEER_LOST] = "lost",
        };
        return LOOKUP(names, state);
}
