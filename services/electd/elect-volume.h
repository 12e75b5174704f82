/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words of the replicated volume: what its disks are in, what replicd reports, what a split brain
 * leaves.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Writes that wait longer than this are not slow, they hang. */
#define ELECT_DISK_STALL_USEC UINT64_C(10000000)

/* Exit codes of DRBD's fence-peer handler (drbd.conf(5)); never 5, which would outdate the peer unasked. */
#define ELECT_FENCE_UNKNOWN 1 /* nobody knows: I/O stays frozen */
#define ELECT_FENCE_GO_ON   4 /* the right is here */
#define ELECT_FENCE_REFUSED 6 /* the peer holds it */

typedef enum ElectDisk {
        ELECT_DISK_UNKNOWN,
        ELECT_DISK_DISKLESS,
        ELECT_DISK_INCONSISTENT, /* target of a resync that is not finished */
        ELECT_DISK_OUTDATED,
        ELECT_DISK_CONSISTENT, /* was whole when it was last seen; the kernel asks before it promotes it */
        ELECT_DISK_UP_TO_DATE,
        ELECT_DISK_MAX,
} ElectDisk;

/* What replicd (or the simulation) reports of the volume; whole at each change. */
typedef struct ElectVolume {
        bool known; /* false: replicd is away, nothing below counts */
        bool connected;
        uint64_t connection; /* counts connections: a new number is a new one even if the drop was missed */
        bool primary;
        bool peer_primary;
        bool frozen; /* I/O is suspended until RESUME or a reconnect */
        bool split_brain;
        bool wrote_alone; /* a new data generation was made while disconnected */
        ElectDisk disk;
        ElectDisk peer_disk;
        uint64_t generation;
        uint64_t peer_generation;
        uint64_t alone_since_usec; /* CLOCK_REALTIME; 0: connected, or never since the boot */
        uint64_t out_of_sync_kib;
        uint64_t stalled_usec; /* the oldest write of this node's disk has been waiting for so long */
} ElectVolume;

/* What one side of a split brain did alone. */
typedef struct ElectHistory {
        bool split;          /* its own kernel says so */
        uint64_t since_usec; /* CLOCK_REALTIME; 0: not known */
        uint64_t written_kib;
        uint64_t generation;
} ElectHistory;
