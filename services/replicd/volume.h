/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One replicated volume as the kernel tells of it: events, progress and generation identifiers go in, the
 * properties of org.hapair.Replication1.Volume come out, with what changed; besides, the keeper that says
 * when to connect again. Pure: no clock, no I/O, no allocation. It decides no role.
 *
 * Feed everything that one read(2) of the events brought before looking at volume_view(): one change of the
 * kernel's state takes several lines.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"
#include "services/replicd/events.h"
#include "services/replicd/gi.h"
#include "services/replicd/progress.h"

#define VOLUME_SNAPSHOT_MAX 256

/* How long a StandAlone rests before it is connected again: doubled each time, up to the longest. */
#define VOLUME_REST_USEC     USEC_PER_SEC
#define VOLUME_REST_MAX_USEC (10 * USEC_PER_SEC)
/* Far beyond what the largest bitmap takes over a slow link: ending one that moves would end it for ever. */
#define VOLUME_EXCHANGE_MAX_USEC (5 * USEC_PER_MINUTE)

/* How often to feed volume_progress() and volume_disk_stat(). */
#define VOLUME_POLL_USEC USEC_PER_SEC

typedef struct VolumeTime {
        uint64_t usec;          /* CLOCK_BOOTTIME */
        uint64_t realtime_usec; /* CLOCK_REALTIME, for people */
} VolumeTime;

typedef enum VolumeSync {
        VOLUME_SYNC_NONE,
        VOLUME_SYNC_SOURCE,
        VOLUME_SYNC_TARGET,
        VOLUME_SYNC_PAUSED,
        VOLUME_SYNC_VERIFY,
        _VOLUME_SYNC_MAX,
} VolumeSync;

/* The properties that can change, in the order of the interface. */
typedef struct VolumeView {
        bool mounted;
        bool known;
        DrbdConnection connection;
        uint64_t connections;
        DrbdRole role;
        DrbdRole peer_role;
        DrbdDisk disk;
        DrbdDisk peer_disk;
        bool frozen;
        bool split_brain;
        bool wrote_alone;
        uint64_t alone_since_usec; /* CLOCK_REALTIME */
        uint64_t generation;
        uint64_t peer_generation;
        uint64_t size_kib;
        uint64_t out_of_sync_kib;
        VolumeSync sync;
        unsigned sync_done_permille; /* SyncDone is percent */
        uint64_t sync_rate_kib;
        uint64_t sync_left_usec;
        uint64_t disk_errors;
        uint64_t stalled_usec;
        char snapshot[VOLUME_SNAPSHOT_MAX];
} VolumeView;

/* Bits of volume_changes(), one a property. */
enum {
        VOLUME_CHANGED_MOUNTED = 1 << 0,
        VOLUME_CHANGED_KNOWN = 1 << 1,
        VOLUME_CHANGED_CONNECTION = 1 << 2,
        VOLUME_CHANGED_CONNECTIONS = 1 << 3,
        VOLUME_CHANGED_ROLE = 1 << 4,
        VOLUME_CHANGED_PEER_ROLE = 1 << 5,
        VOLUME_CHANGED_DISK = 1 << 6,
        VOLUME_CHANGED_PEER_DISK = 1 << 7,
        VOLUME_CHANGED_FROZEN = 1 << 8,
        VOLUME_CHANGED_SPLIT_BRAIN = 1 << 9,
        VOLUME_CHANGED_WROTE_ALONE = 1 << 10,
        VOLUME_CHANGED_ALONE_SINCE = 1 << 11,
        VOLUME_CHANGED_GENERATION = 1 << 12,
        VOLUME_CHANGED_PEER_GENERATION = 1 << 13,
        VOLUME_CHANGED_SIZE = 1 << 14,
        VOLUME_CHANGED_OUT_OF_SYNC = 1 << 15,
        VOLUME_CHANGED_SYNC = 1 << 16,
        VOLUME_CHANGED_SYNC_DONE = 1 << 17,
        VOLUME_CHANGED_SYNC_RATE = 1 << 18,
        VOLUME_CHANGED_SYNC_LEFT = 1 << 19,
        VOLUME_CHANGED_DISK_ERRORS = 1 << 20,
        VOLUME_CHANGED_STALLED = 1 << 21,
        VOLUME_CHANGED_SNAPSHOT = 1 << 22,
};

/* What an event meant, for the log and the daemon. */
enum {
        VOLUME_NEWS_LOST = 1 << 0, /* events were lost: end events2, volume_forget(), start it again */
        VOLUME_NEWS_CONNECTED = 1 << 1,
        VOLUME_NEWS_DISCONNECTED = 1 << 2,
        VOLUME_NEWS_SPLIT_BRAIN = 1 << 3,
        VOLUME_NEWS_DISK_FAILED = 1 << 4,
        VOLUME_NEWS_SYNC_BEGUN = 1 << 5,
        VOLUME_NEWS_SYNC_ENDED = 1 << 6,
        VOLUME_NEWS_FROZEN = 1 << 7,
        VOLUME_NEWS_THAWED = 1 << 8,
};

/* What must outlive the daemon, and the boot but for disk_errors: keep it on a disk that is not replicated.
 */
typedef struct VolumeMemory {
        uint64_t connections; /* a number handed out once never stands for another connection */
        uint64_t alone_since_usec;
        uint64_t peer_generation;
        uint64_t disk_errors; /* to be 0 after a boot */
        bool split_brain;
} VolumeMemory;

typedef struct Volume {
        char resource[DRBD_NAME_MAX];
        VolumeMemory memory;

        /* as told by the events */
        bool dumped;
        bool present;
        DrbdRole role, peer_role;
        bool suspended;
        bool unattached; /* made by the kernel without a disk, which has never been attached since */
        DrbdDisk disk, peer_disk;
        DrbdConnection connection;
        DrbdReplication replication;
        bool resync_suspended;
        uint64_t size_kib, out_of_sync_kib;

        /* as asked for */
        uint64_t serial;       /* counts what may have changed the identifiers */
        uint64_t asked_serial; /* as of the last question for them */
        bool gi_known;
        Gi gi;
        Progress progress; /* running only as long as it is fresh */
        DiskStat disk_stat;
        uint64_t disk_stat_usec;    /* 0: none yet */
        uint64_t stalled_from_usec; /* 0: not stalled */
        uint64_t stalled_usec;

        /* the keeper */
        unsigned orders;      /* under way */
        uint64_t rested_usec; /* the identifiers are not asked for before: more orders may follow the last */
        bool left;
        uint64_t rest_usec;
        uint64_t connect_usec;  /* no earlier */
        uint64_t exchange_usec; /* since then the nodes have been exchanging bitmaps; 0: they are not */

        bool mounted, making;
        char snapshot[VOLUME_SNAPSHOT_MAX];
} Volume;

/* `memory` NULL: nothing is remembered. The name must be shorter than DRBD_NAME_MAX. */
void volume_init(Volume *v, const char *resource, const VolumeMemory *memory);
/* The events have ended: what the kernel says is unknown until they are dumped again. */
void volume_forget(Volume *v);
/* Returns VOLUME_NEWS_… as bits. Events of other resources are passed over. */
unsigned volume_event(Volume *v, const DrbdEvent *e, VolumeTime now);

/* NULL: could not be read. Each poll. */
void volume_progress(Volume *v, const Progress *progress);
void volume_disk_stat(Volume *v, const DiskStat *stat, uint64_t now_usec);

/*
 * Whether `drbdsetup get-gi` should be run: not between the orders of a takeover, which it would slow down.
 * volume_gi_asked() when it is, and its number with the answer.
 */
bool volume_wants_gi(const Volume *v, uint64_t now_usec);
uint64_t volume_gi_asked(Volume *v);
/* NULL: it failed, which it does without a disk. */
void volume_gi(Volume *v, uint64_t asked, const Gi *gi);

void volume_mounted(Volume *v, bool mounted);
/* While its metadata are made: nothing is known of it, and it is nobody's to use. */
void volume_making(Volume *v, bool making);
/* What a discard kept. -ENAMETOOLONG: nothing is noted. */
_must_check_ int volume_snapshot(Volume *v, const char *snapshot);

void volume_view(const Volume *v, VolumeView *ret_view);
/* VOLUME_CHANGED_… as bits. */
unsigned volume_changes(const VolumeView *before, const VolumeView *after);
/* "none", "source", "target", "paused" or "verify". */
const char *volume_sync_to_string(VolumeSync sync);

/*
 * The keeper: a StandAlone that is no split-brain is connected again after a rest, while no order is under
 * way, unless the volume was left for good.
 */
void volume_order_begun(Volume *v);
void volume_order_ended(Volume *v, uint64_t now_usec);
/* Before the volume is taken down, and after: what the kernel tells of it meanwhile is unknown. */
void volume_left(Volume *v, bool left);
/*
 * Whether the exchange of bitmaps before a resync will never end: the fence-peer handler's answer may come
 * while the kernels are connecting again, the primary makes a new generation in the middle of the handshake,
 * and both wait for the other. A new connection ends it.
 */
bool volume_hangs(const Volume *v, uint64_t now_usec);
/* When to run `drbdadm connect`; USEC_INFINITY: not. */
uint64_t volume_connect_usec(const Volume *v);
/* It was run, however it ended. */
void volume_connect_tried(Volume *v, uint64_t now_usec);
