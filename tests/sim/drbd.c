/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's replicated device: DRBD 8.4 with protocol C, `fencing resource-and-stonith`, a disk that
 * fails is detached, a conflict of data or roles ends the connection. After the kernel's drbd_state.c
 * (sanitize_state, after_state_ch), drbd_receiver.c (drbd_uuid_compare, drbd_sync_handshake, receive_state)
 * and drbd_nl.c (drbd_set_role, conn_try_outdate_peer, conn_try_disconnect).
 */
#include "world.h"

#include <errno.h>

#define JUST_MADE 4 /* generation of new metadata: nothing was ever written under them */

/* Whose data are newer, seen from the first of the two. */
typedef enum Meeting {
        MEETING_SOURCE,
        MEETING_EQUAL,
        MEETING_TARGET,
        MEETING_SPLIT,
        MEETING_UNRELATED,
} Meeting;

static bool attached(const Drbd *d)
{
        return d->disk != ELECT_DISK_UNKNOWN && d->disk != ELECT_DISK_DISKLESS;
}

/* Both kernels run and the link carries both ways. */
static bool linked(const World *w)
{
        for (unsigned i = 0; i < NODES; i++)
                if (!w->node[i].power || w->node[i].frozen || w->node[i].drbd.net == DRBD_DOWN)
                        return false;
        return net_whole(w, LINK_REPLICATION);
}

bool drbd_joined(const World *w)
{
        const Drbd *a = &w->node[0].drbd, *b = &w->node[1].drbd;

        return a->net == DRBD_CONNECTED && b->net == DRBD_CONNECTED && a->connection == b->connection;
}

bool drbd_carries(const World *w)
{
        return drbd_joined(w) && linked(w);
}

ElectDisk drbd_peer_disk(const World *w, unsigned node)
{
        const Drbd *d = &w->node[node].drbd;

        return d->net == DRBD_CONNECTED && drbd_joined(w) ? w->node[OTHER(node)].drbd.disk : d->peer_disk;
}

static void set_disk(Drbd *d, ElectDisk disk)
{
        d->disk = disk;
        if (attached(d))
                d->meta.disk = disk;
}

/* What was common becomes the base of the bitmap; what is written from now on is this node's own. */
static void new_generation(World *w, Drbd *d)
{
        d->new_generation = false;
        if (d->meta.bitmap == 0)
                d->meta.bitmap = d->meta.current;
        d->meta.current = ++w->connections << 8;
}

void drbd_begin(World *w)
{
        for (unsigned i = 0; i < NODES; i++) {
                w->node[i].drbd.meta.current = JUST_MADE;
                w->node[i].drbd.meta.disk = ELECT_DISK_INCONSISTENT;
        }
}

/* Only what is on the disk remains: not that the peer was there, but that it was known to be older. */
void drbd_crash(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd;
        ElectDisk peer = drbd_peer_disk(w, node);

        if (d->net != DRBD_DOWN && attached(d)) {
                d->meta.peer_older = peer == ELECT_DISK_OUTDATED || peer == ELECT_DISK_INCONSISTENT;
                d->meta.crashed = d->meta.crashed || d->primary;
        }
        d->net = DRBD_DOWN;
        d->primary = d->frozen = d->new_generation = d->discard = false;
        d->silent_since_usec = 0;
        d->disk = d->peer_disk = ELECT_DISK_UNKNOWN;
}

/* Without a word of the peer a whole disk may be outdated: it is consistent, no more. */
static void read_meta(Drbd *d)
{
        d->disk = d->meta.disk;
        if (d->disk == ELECT_DISK_UP_TO_DATE && !d->meta.peer_older)
                d->disk = ELECT_DISK_CONSISTENT;
        if (d->disk == ELECT_DISK_CONSISTENT && d->meta.peer_older)
                d->disk = ELECT_DISK_UP_TO_DATE;
        d->peer_disk = d->meta.peer_older ? ELECT_DISK_OUTDATED : ELECT_DISK_UNKNOWN;
}

/*
 * The connection is no more. A primary freezes in the same state change, unless its peer has said that it is
 * outdated; without data of its own it has nothing to guard and fails.
 */
static void lose(World *w, unsigned node, DrbdNet next, bool outdated)
{
        Drbd *d = &w->node[node].drbd;
        bool was = d->net == DRBD_CONNECTED;

        d->net = next;
        if (!was)
                return;
        world_trace(w, "node %u: replication lost", node);
        d->silent_since_usec = 0;
        d->peer_disk = outdated ? ELECT_DISK_OUTDATED : ELECT_DISK_UNKNOWN;
        if (d->primary && d->disk >= ELECT_DISK_CONSISTENT) {
                d->new_generation = d->meta.bitmap == 0;
                d->frozen = !outdated && w->lie != LIE_FREEZE;
                if (d->frozen)
                        volume_ask_fence(w, node);
                else if (d->new_generation)
                        new_generation(w, d);
        }
        volume_tell(w, node);
}

static bool in_history(const DrbdMeta *meta, uint64_t generation)
{
        return generation == meta->history[0] || generation == meta->history[1];
}

static Meeting compare(const Drbd *a, const Drbd *b)
{
        const DrbdMeta *x = &a->meta, *y = &b->meta;

        if (x->current == y->current) {
                bool x_ahead = x->bitmap != 0 && y->bitmap == 0, y_ahead = y->bitmap != 0 && x->bitmap == 0;

                if (x_ahead || y_ahead) /* the end of a resync that one of them has missed */
                        return x_ahead ? MEETING_SOURCE : MEETING_TARGET;
                if (x->crashed == y->crashed)
                        return x->crashed ? MEETING_SOURCE : MEETING_EQUAL;
                return x->crashed ? MEETING_SOURCE : MEETING_TARGET;
        }
        if (x->current == JUST_MADE || x->current == y->bitmap || in_history(y, x->current))
                return MEETING_TARGET;
        if (y->current == JUST_MADE || y->current == x->bitmap || in_history(x, y->current))
                return MEETING_SOURCE;
        if (x->bitmap != 0 && (x->bitmap == y->bitmap || in_history(y, x->bitmap)))
                return MEETING_SPLIT;
        return y->bitmap != 0 && in_history(x, y->bitmap) ? MEETING_SPLIT : MEETING_UNRELATED;
}

/* What the handshake of two disks comes to. */
static Meeting shake_hands(const Drbd *a, const Drbd *b)
{
        Meeting meeting = compare(a, b);

        if (!attached(a) || !attached(b))
                return MEETING_EQUAL;
        if (meeting == MEETING_SPLIT && a->discard != b->discard)
                return a->discard ? MEETING_TARGET : MEETING_SOURCE;
        if (meeting == MEETING_SPLIT || meeting == MEETING_UNRELATED)
                return meeting;
        if ((a->disk == ELECT_DISK_INCONSISTENT) != (b->disk == ELECT_DISK_INCONSISTENT))
                return a->disk == ELECT_DISK_INCONSISTENT ? MEETING_TARGET : MEETING_SOURCE;
        return meeting;
}

/* Both find the reason and disconnect for good. */
static void refuse(World *w, Meeting meeting)
{
        for (unsigned i = 0; i < NODES; i++) {
                lose(w, i, DRBD_STANDALONE, false);
                volume_refused(w, i, meeting == MEETING_SPLIT);
        }
}

static void begin_sync(World *w, unsigned from)
{
        Drbd *s = &w->node[from].drbd, *t = &w->node[OTHER(from)].drbd;
        uint64_t lost = w->check.acked & t->data & ~s->data;

        if (lost != 0 && !w->check.forced)
                world_violate(w, "S3: a resync overwrites acknowledged writes of node %u", OTHER(from));
        world_trace(w, "resync from node %u", from);
        set_disk(s, ELECT_DISK_UP_TO_DATE);
        set_disk(t, ELECT_DISK_INCONSISTENT);
        world_plan(w, OTHER(from), DAEMON_KERNEL,
                   s->backlog_usec + world_between(w, 100, 3000) * USEC_PER_MSEC, WORK_SYNCED)
                        ->number = t->connection;
}

/* What only one of them has was never acknowledged; its activity log sends it again. */
static void are_equal(World *w)
{
        for (unsigned i = 0; i < NODES; i++) {
                Drbd *d = &w->node[i].drbd;

                if (attached(d) && attached(&w->node[OTHER(i)].drbd))
                        d->data |= w->node[OTHER(i)].drbd.data;
                if (d->disk == ELECT_DISK_CONSISTENT || d->disk == ELECT_DISK_OUTDATED)
                        set_disk(d, ELECT_DISK_UP_TO_DATE);
                d->meta.crashed = false;
        }
}

static void apply(World *w, Meeting meeting)
{
        if (meeting == MEETING_EQUAL)
                are_equal(w);
        else
                begin_sync(w, meeting == MEETING_SOURCE ? 0 : 1);
        volume_tell(w, 0);
        volume_tell(w, 1);
}

/*
 * Whether the two can work together: the older data need a whole disk to copy from, and may not be those of
 * a primary unless its disk was just attached; one primary at most.
 */
static bool agreeable(const World *w, Meeting meeting, const Drbd *attaching)
{
        const Drbd *a = &w->node[0].drbd, *b = &w->node[1].drbd;
        const Drbd *source = meeting == MEETING_SOURCE ? a : b, *target = meeting == MEETING_SOURCE ? b : a;

        if (meeting == MEETING_SPLIT || meeting == MEETING_UNRELATED || (a->primary && b->primary))
                return false;
        return meeting == MEETING_EQUAL ||
               (source->disk > ELECT_DISK_INCONSISTENT && (!target->primary || target == attaching));
}

static void meet(World *w)
{
        Drbd *a = &w->node[0].drbd, *b = &w->node[1].drbd;
        Meeting meeting = shake_hands(a, b);

        if (!agreeable(w, meeting, NULL)) {
                refuse(w, meeting);
                return;
        }
        world_trace(w, "replication connected");
        a->connection = b->connection = ++w->connections;
        for (unsigned i = 0; i < NODES; i++) {
                Drbd *d = &w->node[i].drbd;

                d->net = DRBD_CONNECTED;
                d->silent_since_usec = 0;
                d->peer_disk = ELECT_DISK_UNKNOWN;
                d->frozen = d->new_generation = d->discard = false; /* what waited is sent again */
                volume_joined(w, i);
        }
        apply(w, meeting);
}

/* The disk's metadata are read; within a connection its data are compared at once. */
void drbd_attach(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd;
        Meeting meeting;

        if (d->net == DRBD_DOWN || attached(d) || d->platter != PLATTER_GOOD)
                return;
        if (!drbd_carries(w)) {
                read_meta(d);
                volume_tell(w, node);
                return;
        }
        d->disk = d->meta.disk;
        meeting = shake_hands(&w->node[0].drbd, &w->node[1].drbd);
        if (agreeable(w, meeting, d))
                apply(w, meeting);
        else
                refuse(w, meeting);
}

/*
 * An access failed. The volume goes on with the peer's disk where there is one; the disk that remains begins
 * a generation of its own when somebody writes.
 */
static void detach(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd, *peer = &w->node[OTHER(node)].drbd;

        world_trace(w, "node %u: the disk is lost", node);
        d->disk = ELECT_DISK_DISKLESS;
        if (drbd_joined(w) && (d->primary || peer->primary) && peer->disk == ELECT_DISK_UP_TO_DATE &&
            peer->meta.bitmap == 0)
                new_generation(w, peer);
        volume_tell(w, 0);
        volume_tell(w, 1);
}

static void bring_up(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd;

        if (d->platter == PLATTER_STALLED)
                return; /* its metadata are waited for */
        d->net = DRBD_CONNECTING;
        if (d->platter == PLATTER_GOOD)
                read_meta(d);
        else
                d->disk = ELECT_DISK_DISKLESS;
        volume_tell(w, node);
}

/*
 * The kernel finds a dead peer seconds later than the heartbeats do, one that dropped the connection at
 * once, a broken disk at the next access.
 */
void drbd_look(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd, *peer = &w->node[OTHER(node)].drbd;

        if (d->net == DRBD_DOWN)
                bring_up(w, node);
        else if (attached(d) && d->platter == PLATTER_FAILED)
                detach(w, node);
        if (linked(w)) {
                d->silent_since_usec = 0;
                if (d->net == DRBD_CONNECTED && !drbd_joined(w))
                        lose(w, node, DRBD_CONNECTING, false);
                else if (d->net == DRBD_CONNECTING && peer->net == DRBD_CONNECTING &&
                         world_chance(w, 3) == 0)
                        meet(w);
        } else if (d->net == DRBD_CONNECTED) {
                if (d->silent_since_usec == 0)
                        d->silent_since_usec = w->now_usec;
                if (w->now_usec - d->silent_since_usec > world_between(w, 500, 3500) * USEC_PER_MSEC)
                        lose(w, node, DRBD_CONNECTING, false);
        }
}

void drbd_synced(World *w, const Work *work)
{
        Drbd *t = &w->node[work->node].drbd, *s = &w->node[OTHER(work->node)].drbd;

        if (!drbd_joined(w) || t->connection != work->number || t->disk != ELECT_DISK_INCONSISTENT ||
            s->disk != ELECT_DISK_UP_TO_DATE)
                return;
        if (!linked(w) || t->platter != PLATTER_GOOD || s->platter != PLATTER_GOOD) {
                world_plan(w, work->node, DAEMON_KERNEL, USEC_PER_SEC, WORK_SYNCED)->number = work->number;
                return;
        }
        if (s->meta.bitmap != 0) {
                s->meta.history[1] = s->meta.history[0];
                s->meta.history[0] = s->meta.bitmap;
                s->meta.bitmap = 0;
        }
        s->meta.crashed = false;
        s->backlog_usec = 0;
        t->data = s->data;
        t->meta = s->meta;
        set_disk(t, ELECT_DISK_UP_TO_DATE);
        world_trace(w, "node %u: resync complete", work->node);
        volume_tell(w, 0);
        volume_tell(w, 1);
}

/* Both disks were blank: there is nothing to copy (`new-current-uuid --clear-bitmap`). */
void drbd_skip_first_sync(World *w)
{
        Drbd *a = &w->node[0].drbd, *b = &w->node[1].drbd;

        if (!drbd_carries(w) || a->meta.current != JUST_MADE || b->meta.current != JUST_MADE ||
            a->disk != ELECT_DISK_INCONSISTENT || b->disk != ELECT_DISK_INCONSISTENT)
                return;
        a->meta.current = b->meta.current = ++w->connections << 8;
        set_disk(a, ELECT_DISK_UP_TO_DATE);
        set_disk(b, ELECT_DISK_UP_TO_DATE);
        volume_tell(w, 0);
        volume_tell(w, 1);
}

/*
 * `drbdadm primary`. -EINPROGRESS: the peer's kernel has not answered yet; -EAGAIN: the fence handler has to
 * allow it, because nothing says that the peer's data are older.
 */
int drbd_promote(World *w, unsigned node, bool force)
{
        Drbd *d = &w->node[node].drbd;
        bool joined = d->net == DRBD_CONNECTED;
        bool older = d->peer_disk == ELECT_DISK_OUTDATED, made;

        if (d->primary)
                return 0;
        if (joined && !drbd_carries(w))
                return -EINPROGRESS;
        if (d->net == DRBD_DOWN || !attached(d) || (joined && w->node[OTHER(node)].drbd.primary))
                return -EACCES;
        made = force && d->disk != ELECT_DISK_UP_TO_DATE;
        if (!made && d->disk != ELECT_DISK_UP_TO_DATE && (joined || d->disk != ELECT_DISK_CONSISTENT))
                return -EACCES;
        if (!joined && !older && !force)
                return -EAGAIN;

        if (!joined)
                d->peer_disk = ELECT_DISK_OUTDATED;
        set_disk(d, ELECT_DISK_UP_TO_DATE);
        d->primary = true;
        if (made || (d->meta.bitmap == 0 && (!joined || drbd_peer_disk(w, node) <= ELECT_DISK_DISKLESS)))
                new_generation(w, d);
        if (made && joined)
                begin_sync(w, node);
        return 0;
}

void drbd_demote(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd;

        d->primary = d->frozen = d->new_generation = false;
}

/* Frozen I/O goes on without the peer. */
void drbd_thaw(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd;

        if (d->frozen && d->new_generation)
                new_generation(w, d);
        d->frozen = false;
}

/* The fence handler has answered 4: the peer's data count as older, now and after a crash. */
void drbd_fenced(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd;

        if (d->net == DRBD_CONNECTED)
                return;
        d->peer_disk = ELECT_DISK_OUTDATED;
        if (d->disk == ELECT_DISK_CONSISTENT)
                set_disk(d, ELECT_DISK_UP_TO_DATE);
        drbd_thaw(w, node);
}

/* `drbdadm disconnect --force`: nobody is asked, the peer finds out by itself. */
void drbd_disconnect(World *w, unsigned node)
{
        if (w->node[node].drbd.net != DRBD_DOWN)
                lose(w, node, DRBD_STANDALONE, false);
}

/* `drbdadm down` of a secondary: a primary hears of it in time, and outdates it instead of freezing. */
int drbd_leave(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd;

        if (d->primary)
                return -EBUSY;
        if (drbd_carries(w)) {
                bool primary = w->node[OTHER(node)].drbd.primary;

                if (primary && attached(d) && d->disk != ELECT_DISK_INCONSISTENT)
                        set_disk(d, ELECT_DISK_OUTDATED);
                lose(w, OTHER(node), DRBD_CONNECTING, primary);
        }
        lose(w, node, DRBD_DOWN, false);
        return 0;
}

void drbd_connect(World *w, unsigned node, bool discard)
{
        Drbd *d = &w->node[node].drbd;

        if (d->net != DRBD_STANDALONE && d->net != DRBD_CONNECTING)
                return;
        d->net = DRBD_CONNECTING;
        d->discard = discard;
}

/* What a client reads here: of its own disk, or the peer's. */
uint64_t drbd_data(const World *w, unsigned node)
{
        const Drbd *d = &w->node[node].drbd;

        if (attached(d) && d->disk != ELECT_DISK_INCONSISTENT)
                return d->data;
        return drbd_joined(w) ? w->node[OTHER(node)].drbd.data : 0;
}
