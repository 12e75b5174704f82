/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's replicated device: DRBD 8.4 with protocol C, `fencing resource-and-stonith`, a disk that
 * fails is detached, a conflict of data or roles ends the connection. After the kernel's drbd_state.c
 * (sanitize_state, after_state_ch), drbd_receiver.c (drbd_uuid_compare, drbd_sync_handshake, receive_state)
 * and drbd_nl.c (drbd_set_role, conn_try_outdate_peer, conn_try_disconnect).
 */
#include "drbd.h"

#include <errno.h>

bool drbd_attached(const Drbd *d)
{
        return d->disk != ELECT_DISK_UNKNOWN && d->disk != ELECT_DISK_DISKLESS;
}

/* Both kernels run and the link carries both ways. */
bool drbd_linked(const World *w)
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
        return drbd_joined(w) && drbd_linked(w);
}

/* Within a connection the peer's kernel is told at once. */
void drbd_set_disk(World *w, Drbd *d, ElectDisk disk)
{
        Drbd *peer = &w->node[d == &w->node[0].drbd ? 1 : 0].drbd;

        d->disk = disk;
        if (drbd_attached(d))
                d->meta.disk = disk;
        if (drbd_carries(w))
                peer->peer_disk = disk;
}

/*
 * What was common becomes the base of the bitmap; what is written from now on is this node's own. A base
 * that was there before is forgotten: the kernel warns ("bm UUID was already set"), no more.
 */
void drbd_new_generation(World *w, Drbd *d)
{
        d->meta.bitmap = d->meta.current;
        d->meta.current = ++w->connections << 8;
}

void drbd_begin(World *w)
{
        for (unsigned i = 0; i < NODES; i++) {
                w->node[i].drbd.meta.current = DRBD_JUST_MADE;
                w->node[i].drbd.meta.disk = ELECT_DISK_INCONSISTENT;
        }
}

/* Only what is on the disk remains: not that the peer was there, but that it was known to be older. */
void drbd_crash(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd;
        ElectDisk peer = d->peer_disk;

        if (d->net != DRBD_DOWN && drbd_attached(d)) {
                d->meta.peer_older = peer == ELECT_DISK_OUTDATED || peer == ELECT_DISK_INCONSISTENT;
                d->meta.crashed = d->meta.crashed || d->primary;
        }
        d->net = DRBD_DOWN;
        d->primary = d->frozen = d->new_generation = d->discard = false;
        d->silent_since_usec = 0;
        d->disk = d->peer_disk = ELECT_DISK_UNKNOWN;
}

/* Without a word of the peer a whole disk may be outdated: it is consistent, no more. */
void drbd_read_meta(Drbd *d)
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
void drbd_lose(World *w, unsigned node, DrbdNet next, bool outdated)
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
                d->freezes++;
                if (d->frozen)
                        volume_ask_fence(w, node);
                else if (d->new_generation)
                        drbd_new_generation(w, d);
                d->new_generation = d->new_generation && d->frozen;
        }
        volume_tell(w, node);
}

/*
 * An access failed. The volume goes on with the peer's disk where there is one; the disk that remains begins
 * a generation of its own when somebody writes.
 */
static void detach(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd, *peer = &w->node[OTHER(node)].drbd;

        world_trace(w, "node %u: the disk is lost", node);
        drbd_set_disk(w, d, ELECT_DISK_DISKLESS);
        if (drbd_joined(w) && (d->primary || peer->primary) && peer->disk == ELECT_DISK_UP_TO_DATE &&
            peer->meta.bitmap == 0)
                drbd_new_generation(w, peer);
        d->exposed = drbd_joined(w) && drbd_attached(peer) ? peer->meta.current : d->meta.current;
        volume_tell(w, 0);
        volume_tell(w, 1);
}

/* A disk that stalls is attached for as long as that lasts. */
static void bring_up(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd;

        d->net = DRBD_CONNECTING;
        d->disk = ELECT_DISK_DISKLESS;
        if (d->platter == PLATTER_GOOD)
                drbd_read_meta(d);
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
        else if (drbd_attached(d) && d->platter == PLATTER_FAILED)
                detach(w, node);
        else if (d->attaching)
                drbd_attach(w, node);
        if (drbd_linked(w)) {
                d->silent_since_usec = 0;
                if (d->net == DRBD_CONNECTED && !drbd_joined(w))
                        drbd_lose(w, node, DRBD_CONNECTING, false);
                else if (d->net == DRBD_CONNECTING && peer->net == DRBD_CONNECTING &&
                         world_chance(w, 3) == 0)
                        drbd_meet(w);
        } else if (d->net == DRBD_CONNECTED) {
                if (d->silent_since_usec == 0)
                        d->silent_since_usec = w->now_usec;
                if (w->now_usec - d->silent_since_usec > world_between(w, 500, 3500) * USEC_PER_MSEC)
                        drbd_lose(w, node, DRBD_CONNECTING, false);
        }
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
        if (d->net == DRBD_DOWN || !drbd_attached(d) || (joined && w->node[OTHER(node)].drbd.primary))
                return -EACCES;
        made = force && d->disk != ELECT_DISK_UP_TO_DATE;
        if (!made && d->disk != ELECT_DISK_UP_TO_DATE && (joined || d->disk != ELECT_DISK_CONSISTENT))
                return -EACCES;
        if (!joined && !older && !force)
                return -EAGAIN;

        if (!joined)
                d->peer_disk = ELECT_DISK_OUTDATED;
        drbd_set_disk(w, d, ELECT_DISK_UP_TO_DATE);
        d->primary = true;
        if (made || (d->meta.bitmap == 0 && (!joined || d->peer_disk <= ELECT_DISK_DISKLESS)))
                drbd_new_generation(w, d);
        if (made && joined)
                drbd_begin_sync(w, node);
        return 0;
}

void drbd_demote(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd;

        d->primary = d->frozen = d->new_generation = false;
}

/*
 * Frozen I/O goes on without the peer, in two steps: a generation of its own is written first, and as long
 * as that takes nothing keeps a second one who thaws it from doing the same.
 */
void drbd_thaw(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd;

        if (!d->frozen)
                return;
        if (d->new_generation)
                drbd_new_generation(w, d);
        world_plan(w, node, DAEMON_KERNEL, world_between(w, 1, 20) * USEC_PER_MSEC, WORK_THAWED)->number =
                        d->freezes;
}

void drbd_thawed(World *w, const Work *work)
{
        Drbd *d = &w->node[work->node].drbd;

        if (work->number != d->freezes)
                return;
        d->frozen = d->new_generation = false;
        volume_tell(w, work->node);
}

/* The fence handler has answered 4: the peer's data count as older, now and after a crash. */
void drbd_fenced(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd;

        if (d->net == DRBD_CONNECTED)
                return;
        d->peer_disk = ELECT_DISK_OUTDATED;
        if (d->disk == ELECT_DISK_CONSISTENT)
                drbd_set_disk(w, d, ELECT_DISK_UP_TO_DATE);
        drbd_thaw(w, node);
}

/* `drbdadm disconnect --force`: nobody is asked, the peer finds out by itself. */
void drbd_disconnect(World *w, unsigned node)
{
        if (w->node[node].drbd.net != DRBD_DOWN)
                drbd_lose(w, node, DRBD_STANDALONE, false);
}

/* `drbdadm down` of a secondary: a primary hears of it in time, and outdates it instead of freezing. */
int drbd_leave(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd;

        if (d->primary)
                return -EBUSY;
        if (drbd_carries(w)) {
                bool primary = w->node[OTHER(node)].drbd.primary;

                if (primary && drbd_attached(d) && d->disk != ELECT_DISK_INCONSISTENT)
                        drbd_set_disk(w, d, ELECT_DISK_OUTDATED);
                drbd_lose(w, OTHER(node), DRBD_CONNECTING, primary);
        }
        drbd_lose(w, node, DRBD_DOWN, false);
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

        if (drbd_attached(d) && d->disk != ELECT_DISK_INCONSISTENT)
                return d->data;
        return drbd_joined(w) ? w->node[OTHER(node)].drbd.data : 0;
}
