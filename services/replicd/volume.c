/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/replicd/volume.h"

#include <errno.h>
#include <string.h>

/* Longer than electd takes from one order to the next of a takeover. */
#define GI_REST_USEC (500 * USEC_PER_MSEC)

static bool is_attached(const Volume *v)
{
        return v->disk >= DRBD_DISK_NEGOTIATING;
}

/* What is being taken down has nothing more to tell. */
static bool is_known(const Volume *v)
{
        return v->dumped && v->present && !v->making && (!v->left || is_attached(v));
}

/* The tool says Connected as soon as the nodes talk; they may still find a split-brain. */
static bool is_connected(const Volume *v)
{
        return v->connection == DRBD_CONNECTION_CONNECTED && v->replication >= DRBD_REPLICATION_ESTABLISHED;
}

static VolumeSync sync_of(const Volume *v)
{
        switch (v->replication) {
        case DRBD_REPLICATION_STARTING_SYNC_S:
        case DRBD_REPLICATION_WF_BITMAP_S:
        case DRBD_REPLICATION_SYNC_SOURCE:
                return VOLUME_SYNC_SOURCE;
        case DRBD_REPLICATION_STARTING_SYNC_T:
        case DRBD_REPLICATION_WF_BITMAP_T:
        case DRBD_REPLICATION_WF_SYNC_UUID:
        case DRBD_REPLICATION_SYNC_TARGET:
                return VOLUME_SYNC_TARGET;
        case DRBD_REPLICATION_PAUSED_SYNC_S:
        case DRBD_REPLICATION_PAUSED_SYNC_T:
                return VOLUME_SYNC_PAUSED;
        case DRBD_REPLICATION_VERIFY_S:
        case DRBD_REPLICATION_VERIFY_T:
                return VOLUME_SYNC_VERIFY;
        case DRBD_REPLICATION_UNKNOWN:
        case DRBD_REPLICATION_OFF:
        case DRBD_REPLICATION_ESTABLISHED:
        case DRBD_REPLICATION_AHEAD:
        case DRBD_REPLICATION_BEHIND:
        case _DRBD_REPLICATION_MAX:
                break;
        }
        return VOLUME_SYNC_NONE;
}

static void forget_peer(Volume *v)
{
        v->replication = DRBD_REPLICATION_OFF;
        v->peer_disk = DRBD_DISK_DUNKNOWN;
        v->resync_suspended = false;
}

static void forget_connection(Volume *v)
{
        v->connection = DRBD_CONNECTION_STANDALONE;
        v->peer_role = DRBD_ROLE_UNKNOWN;
}

static void forget_disk(Volume *v)
{
        v->disk = DRBD_DISK_UNKNOWN;
        v->unattached = false;
        v->size_kib = 0;
        v->out_of_sync_kib = 0;
        v->gi_known = false;
        v->progress = (Progress){};
        v->disk_stat_usec = 0;
        v->stalled_from_usec = 0;
        v->stalled_usec = 0;
}

void volume_forget(Volume *v)
{
        v->dumped = false;
        v->present = false;
        v->role = DRBD_ROLE_UNKNOWN;
        v->suspended = false;
        forget_peer(v);
        forget_connection(v);
        forget_disk(v);
        v->serial++;
}

static bool is_resync(const Volume *v)
{
        VolumeSync sync = sync_of(v);

        return sync != VOLUME_SYNC_NONE && sync != VOLUME_SYNC_VERIFY;
}

void volume_init(Volume *v, const char *resource, const VolumeMemory *memory)
{
        *v = (Volume){ .rest_usec = VOLUME_REST_USEC };
        memcpy(v->resource, resource, MIN_OF(strlen(resource), sizeof(v->resource) - 1));
        if (memory)
                v->memory = *memory;
        volume_forget(v);
}

static void apply_resource(Volume *v, const DrbdEvent *e)
{
        v->present = e->kind != DRBD_DESTROY;
        if (!v->present) {
                v->role = DRBD_ROLE_UNKNOWN;
                v->suspended = false;
                return;
        }
        if (e->has & DRBD_HAS_ROLE)
                v->role = e->role;
        if (e->has & DRBD_HAS_SUSPENDED)
                v->suspended = e->suspended;
}

static void apply_device(Volume *v, const DrbdEvent *e)
{
        if (e->kind == DRBD_DESTROY) {
                forget_disk(v);
                return;
        }
        if (e->has & DRBD_HAS_DISK)
                v->disk = e->disk;
        v->unattached = (v->unattached || e->kind == DRBD_CREATE) && !is_attached(v);
        if (e->has & DRBD_HAS_SIZE)
                v->size_kib = e->size_kib;
}

static void apply_connection(Volume *v, const DrbdEvent *e)
{
        if (e->kind == DRBD_DESTROY) {
                forget_connection(v);
                return;
        }
        if (e->has & DRBD_HAS_CONNECTION)
                v->connection = e->connection;
        if (e->has & DRBD_HAS_ROLE)
                v->peer_role = e->role;
}

static void apply_peer_device(Volume *v, const DrbdEvent *e)
{
        if (e->kind == DRBD_DESTROY) {
                forget_peer(v);
                return;
        }
        if (e->has & DRBD_HAS_REPLICATION)
                v->replication = e->replication;
        if (e->has & DRBD_HAS_PEER_DISK)
                v->peer_disk = e->peer_disk;
        if (e->has & DRBD_HAS_OUT_OF_SYNC)
                v->out_of_sync_kib = e->out_of_sync_kib;
        if (e->has & DRBD_HAS_RESYNC_SUSPENDED)
                v->resync_suspended = e->resync_suspended;
}

/* "initial-split-brain" comes first, and a policy might still settle it; we have none that does. */
static unsigned apply_helper(Volume *v, const DrbdEvent *e)
{
        if (e->kind != DRBD_CALL || strcmp(e->helper, "split-brain") != 0)
                return 0;
        v->memory.split_brain = true;
        return VOLUME_NEWS_SPLIT_BRAIN;
}

static unsigned connected_now(Volume *v)
{
        v->memory.connections++;
        v->memory.alone_since_usec = 0;
        v->memory.split_brain = false;
        v->rest_usec = VOLUME_REST_USEC;
        return VOLUME_NEWS_CONNECTED;
}

/* What it means that the state is no longer the one of `before`. */
static unsigned compare_states(Volume *v, const Volume *before, VolumeTime now)
{
        bool was_connected = is_known(before) && is_connected(before);
        bool was_syncing = is_resync(before), syncing = is_resync(v);
        unsigned news = 0;

        if (!is_known(v))
                return 0;
        if (is_connected(v) && !was_connected)
                news |= connected_now(v);
        if (!is_connected(v) && was_connected)
                news |= VOLUME_NEWS_DISCONNECTED;
        if (!is_connected(v) && v->memory.connections > 0 && v->memory.alone_since_usec == 0)
                v->memory.alone_since_usec = now.realtime_usec;
        if (v->connection == DRBD_CONNECTION_STANDALONE &&
            (!is_known(before) || before->connection != DRBD_CONNECTION_STANDALONE))
                v->connect_usec = now.usec + v->rest_usec;
        if (!is_attached(v))
                v->gi_known = false;
        /* To a secondary without a connection it is the same as being taken down; nobody uses that disk. */
        if (v->disk == DRBD_DISK_FAILED && before->disk != DRBD_DISK_FAILED && !v->unattached &&
            (v->role == DRBD_ROLE_PRIMARY || is_connected(v))) {
                v->memory.disk_errors++;
                news |= VOLUME_NEWS_DISK_FAILED;
        }
        if (sync_of(v) != sync_of(before))
                v->progress.running = false;
        if (syncing && !was_syncing)
                news |= VOLUME_NEWS_SYNC_BEGUN;
        if (!syncing && was_syncing && is_connected(v)) /* else it was interrupted */
                news |= VOLUME_NEWS_SYNC_ENDED;
        if (v->suspended != before->suspended)
                news |= v->suspended ? VOLUME_NEWS_FROZEN : VOLUME_NEWS_THAWED;
        return news;
}

static unsigned apply(Volume *v, const DrbdEvent *e)
{
        switch (e->object) {
        case DRBD_RESOURCE:
                apply_resource(v, e);
                break;
        case DRBD_DEVICE:
                apply_device(v, e);
                break;
        case DRBD_CONNECTION:
                apply_connection(v, e);
                break;
        case DRBD_PEER_DEVICE:
                apply_peer_device(v, e);
                break;
        case DRBD_HELPER:
                return apply_helper(v, e);
        case DRBD_DUMPED:
                v->dumped = true;
                break;
        case DRBD_LOST:
                return VOLUME_NEWS_LOST;
        case _DRBD_OBJECT_MAX:
                break;
        }
        return 0;
}

static void note_exchange(Volume *v, uint64_t now_usec)
{
        if (v->replication != DRBD_REPLICATION_WF_BITMAP_S && v->replication != DRBD_REPLICATION_WF_BITMAP_T)
                v->exchange_usec = 0;
        else if (v->exchange_usec == 0)
                v->exchange_usec = now_usec;
}

unsigned volume_event(Volume *v, const DrbdEvent *e, VolumeTime now)
{
        Volume before = *v;
        unsigned news;

        if (e->object != DRBD_DUMPED && e->object != DRBD_LOST && strcmp(e->resource, v->resource) != 0)
                return 0;
        news = apply(v, e);
        note_exchange(v, now.usec);
        /* Any of these can go with new identifiers, and asking once too often costs nothing. */
        if (e->object <= DRBD_PEER_DEVICE && (e->has & ~(DRBD_HAS_SIZE | DRBD_HAS_OUT_OF_SYNC)) != 0)
                v->serial++;
        return news | compare_states(v, &before, now);
}

void volume_progress(Volume *v, const Progress *progress)
{
        if (!progress) {
                v->progress = (Progress){};
                return;
        }
        /* A primary makes a generation of its own with its first write alone, without an event. */
        if (!is_connected(v) && v->gi_known && v->gi.bitmap == 0 &&
            progress->out_of_sync_kib != v->out_of_sync_kib)
                v->serial++;
        v->progress = *progress;
        v->out_of_sync_kib = progress->out_of_sync_kib;
}

void volume_disk_stat(Volume *v, const DiskStat *stat, uint64_t now_usec)
{
        bool stuck = stat && v->disk_stat_usec > 0 && stat->in_flight > 0 && v->disk_stat.in_flight > 0 &&
                     stat->completed == v->disk_stat.completed;

        if (!stuck)
                v->stalled_from_usec = 0;
        else if (v->stalled_from_usec == 0)
                v->stalled_from_usec = v->disk_stat_usec;
        v->stalled_usec = stuck ? now_usec - v->stalled_from_usec : 0;
        v->disk_stat = stat ? *stat : (DiskStat){};
        v->disk_stat_usec = stat ? now_usec : 0;
}

bool volume_wants_gi(const Volume *v, uint64_t now_usec)
{
        return is_known(v) && is_attached(v) && v->asked_serial != v->serial && v->orders == 0 &&
               now_usec >= v->rested_usec;
}

uint64_t volume_gi_asked(Volume *v)
{
        v->asked_serial = v->serial;
        return v->serial;
}

void volume_gi(Volume *v, uint64_t asked, const Gi *gi)
{
        /* An answer from before a change says nothing of the state now; it is asked for again. */
        if (asked != v->serial)
                return;
        v->gi_known = gi != NULL;
        if (!gi)
                return;
        v->gi = *gi;
        /* DRBD does not tell the peer's, but they are equal while both have everything. */
        if (is_connected(v) && v->replication == DRBD_REPLICATION_ESTABLISHED &&
            v->disk == DRBD_DISK_UP_TO_DATE && v->peer_disk == DRBD_DISK_UP_TO_DATE)
                v->memory.peer_generation = gi_generation(gi);
}

void volume_mounted(Volume *v, bool mounted)
{
        v->mounted = mounted;
}

void volume_making(Volume *v, bool making)
{
        v->making = making;
}

int volume_snapshot(Volume *v, const char *snapshot)
{
        size_t size = strlen(snapshot) + 1;

        if (size > sizeof(v->snapshot))
                return -ENAMETOOLONG;
        memcpy(v->snapshot, snapshot, size);
        return 0;
}

void volume_order_begun(Volume *v)
{
        v->orders++;
}

void volume_order_ended(Volume *v, uint64_t now_usec)
{
        v->orders--;
        v->rested_usec = now_usec + GI_REST_USEC;
        v->connect_usec = MAX_OF(v->connect_usec, now_usec + v->rest_usec);
}

void volume_left(Volume *v, bool left)
{
        v->left = left;
}

uint64_t volume_connect_usec(const Volume *v)
{
        if (!is_known(v) || v->connection != DRBD_CONNECTION_STANDALONE || v->memory.split_brain ||
            v->orders > 0 || v->left)
                return USEC_INFINITY;
        return v->connect_usec;
}

bool volume_hangs(const Volume *v, uint64_t now_usec)
{
        return is_known(v) && v->orders == 0 && v->exchange_usec > 0 &&
               now_usec - v->exchange_usec >= VOLUME_EXCHANGE_MAX_USEC;
}

void volume_connect_tried(Volume *v, uint64_t now_usec)
{
        v->rest_usec = MIN_OF(2 * v->rest_usec, VOLUME_REST_MAX_USEC);
        v->connect_usec = now_usec + v->rest_usec;
}

/* Of the resync in hand; while it is paused the kernel says only how much is out of sync. */
static unsigned done_permille(const Volume *v)
{
        uint64_t out = MIN_OF(v->out_of_sync_kib, v->size_kib);

        if (v->progress.running)
                return v->progress.done_permille;
        if (v->size_kib == 0 || v->size_kib > UINT64_MAX / 1000)
                return 0;
        return (unsigned) (1000 - out * 1000 / v->size_kib);
}

static uint64_t left_usec(const Progress *p)
{
        uint64_t seconds;

        if (!p->running || p->rate_kib == 0 || p->stalled)
                return USEC_INFINITY;
        seconds = p->left_kib / p->rate_kib;
        if (seconds > UINT32_MAX)
                return USEC_INFINITY;
        return seconds * USEC_PER_SEC + p->left_kib % p->rate_kib * 1000 / p->rate_kib * USEC_PER_MSEC;
}

static void view_sync(const Volume *v, VolumeView *view)
{
        view->sync = v->resync_suspended && sync_of(v) != VOLUME_SYNC_NONE ? VOLUME_SYNC_PAUSED : sync_of(v);
        if (view->sync == VOLUME_SYNC_NONE) {
                view->sync_done_permille = 1000;
                return;
        }
        view->sync_done_permille = done_permille(v);
        view->sync_rate_kib = v->progress.running ? v->progress.rate_kib : 0;
        view->sync_left_usec = left_usec(&v->progress);
}

void volume_view(const Volume *v, VolumeView *ret_view)
{
        VolumeView view = {
                .mounted = v->mounted,
                .known = is_known(v),
                .connections = v->memory.connections,
                .split_brain = v->memory.split_brain,
                .alone_since_usec = v->memory.alone_since_usec,
                .peer_generation = v->memory.peer_generation,
                .disk_errors = v->memory.disk_errors,
                .sync_done_permille = 1000,
        };

        memcpy(view.snapshot, v->snapshot, sizeof(view.snapshot));
        if (view.known) {
                view.connection = v->connection != DRBD_CONNECTION_CONNECTED ? v->connection
                                  : is_connected(v)                          ? DRBD_CONNECTION_CONNECTED
                                                                             : DRBD_CONNECTION_HANDSHAKE;
                view.role = v->role;
                view.peer_role = v->peer_role;
                /* A disk that was never there has not been lost: a Diskless would be taken for that. */
                view.disk = v->unattached ? DRBD_DISK_ATTACHING : v->disk;
                view.peer_disk = v->peer_disk;
                view.frozen = v->suspended;
                view.wrote_alone = v->gi_known && v->gi.bitmap != 0;
                view.generation = v->gi_known ? gi_generation(&v->gi) : 0;
                view.size_kib = v->size_kib;
                view.out_of_sync_kib = v->out_of_sync_kib;
                view.stalled_usec = v->stalled_usec;
                view_sync(v, &view);
        }
        *ret_view = view;
}

unsigned volume_changes(const VolumeView *a, const VolumeView *b)
{
        return (a->mounted != b->mounted ? VOLUME_CHANGED_MOUNTED : 0) |
               (a->known != b->known ? VOLUME_CHANGED_KNOWN : 0) |
               (a->connection != b->connection ? VOLUME_CHANGED_CONNECTION : 0) |
               (a->connections != b->connections ? VOLUME_CHANGED_CONNECTIONS : 0) |
               (a->role != b->role ? VOLUME_CHANGED_ROLE : 0) |
               (a->peer_role != b->peer_role ? VOLUME_CHANGED_PEER_ROLE : 0) |
               (a->disk != b->disk ? VOLUME_CHANGED_DISK : 0) |
               (a->peer_disk != b->peer_disk ? VOLUME_CHANGED_PEER_DISK : 0) |
               (a->frozen != b->frozen ? VOLUME_CHANGED_FROZEN : 0) |
               (a->split_brain != b->split_brain ? VOLUME_CHANGED_SPLIT_BRAIN : 0) |
               (a->wrote_alone != b->wrote_alone ? VOLUME_CHANGED_WROTE_ALONE : 0) |
               (a->alone_since_usec != b->alone_since_usec ? VOLUME_CHANGED_ALONE_SINCE : 0) |
               (a->generation != b->generation ? VOLUME_CHANGED_GENERATION : 0) |
               (a->peer_generation != b->peer_generation ? VOLUME_CHANGED_PEER_GENERATION : 0) |
               (a->size_kib != b->size_kib ? VOLUME_CHANGED_SIZE : 0) |
               (a->out_of_sync_kib != b->out_of_sync_kib ? VOLUME_CHANGED_OUT_OF_SYNC : 0) |
               (a->sync != b->sync ? VOLUME_CHANGED_SYNC : 0) |
               (a->sync_done_permille != b->sync_done_permille ? VOLUME_CHANGED_SYNC_DONE : 0) |
               (a->sync_rate_kib != b->sync_rate_kib ? VOLUME_CHANGED_SYNC_RATE : 0) |
               (a->sync_left_usec != b->sync_left_usec ? VOLUME_CHANGED_SYNC_LEFT : 0) |
               (a->disk_errors != b->disk_errors ? VOLUME_CHANGED_DISK_ERRORS : 0) |
               (a->stalled_usec != b->stalled_usec ? VOLUME_CHANGED_STALLED : 0) |
               (strcmp(a->snapshot, b->snapshot) != 0 ? VOLUME_CHANGED_SNAPSHOT : 0);
}

const char *volume_sync_to_string(VolumeSync sync)
{
        static const char *const names[] = {
                [VOLUME_SYNC_NONE] = "none",     [VOLUME_SYNC_SOURCE] = "source",
                [VOLUME_SYNC_TARGET] = "target", [VOLUME_SYNC_PAUSED] = "paused",
                [VOLUME_SYNC_VERIFY] = "verify",
        };

        return names[sync];
}
