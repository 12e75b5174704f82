/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The replicated device as DRBD 8.4 behaves with protocol C and `fencing resource-and-stonith`, and a client
 * that writes on it. A write is one bit; it is acknowledged when both disks have it, or alone, where the
 * kernel lets the primary go on alone.
 */
#include "world.h"

#include <errno.h>

#define LOOK_USEC  (150 * USEC_PER_MSEC)
#define WRITE_USEC (100 * USEC_PER_MSEC)

/* Both ends run and the link carries both ways. */
static bool linked(const World *w)
{
        for (unsigned i = 0; i < NODES; i++)
                if (!w->node[i].power || w->node[i].frozen)
                        return false;
        return net_whole(w, LINK_REPLICATION);
}

static bool both_connected(const World *w)
{
        const Volume *a = &w->node[0].volume, *b = &w->node[1].volume;

        return a->connected && b->connected && a->connection == b->connection;
}

/* Whether a write here would be acknowledged. One that believes in a connection that is no more waits in
 * vain. */
bool volume_writes(const World *w, unsigned node)
{
        const Volume *v = &w->node[node].volume;

        return v->primary && v->mounted && !v->frozen && !w->node[node].frozen &&
               (!v->connected || (both_connected(w) && linked(w)));
}

void volume_tell(World *w, unsigned node)
{
        const Volume *v = &w->node[node].volume, *peer = &w->node[OTHER(node)].volume;
        bool sees = v->connected && both_connected(w);
        ElectEvent event = { .type = ELECT_EV_VOLUME,
                             .volume = {
                                             .known = true,
                                             .connected = v->connected,
                                             .connection = v->connection,
                                             .primary = v->primary,
                                             .peer_primary = sees && peer->primary,
                                             .frozen = v->frozen,
                                             .split_brain = v->split_brain,
                                             .wrote_alone = v->wrote_alone,
                                             .disk = v->disk,
                                             .peer_disk = sees ? peer->disk : ELECT_DISK_UNKNOWN,
                                             .generation = v->generation,
                                             .peer_generation = sees ? peer->generation : 0,
                             } };

        director_tell(w, node, &event, world_between(w, 100, 1000));
}

static void tell_both(World *w)
{
        for (unsigned i = 0; i < NODES; i++)
                if (w->node[i].power)
                        volume_tell(w, i);
}

/* Both disks blank at the installation: the first sync is skipped. */
void volume_begin(World *w)
{
        for (unsigned i = 0; i < NODES; i++) {
                w->node[i].volume.disk = ELECT_DISK_UP_TO_DATE;
                w->node[i].volume.generation = 1;
        }
}

void volume_boot(World *w, unsigned node)
{
        world_plan(w, node, DAEMON_KERNEL, world_between(w, 200, 400) * USEC_PER_MSEC, WORK_REPLICATION);
        world_plan(w, node, DAEMON_KERNEL, WRITE_USEC, WORK_WRITE);
}

/* The metadata stay: disk state, generation, what was written. */
void volume_crash(World *w, unsigned node)
{
        Volume *v = &w->node[node].volume;

        v->connected = v->primary = v->mounted = v->frozen = v->split_brain = false;
        v->silent_since_usec = 0;
        v->in_flight = 0;
        v->promotion.id = 0;
}

static void ask_fence(World *w, unsigned node)
{
        director_tell(w, node, &(ElectEvent){ .type = ELECT_EV_FENCE_ASKED }, world_between(w, 500, 3000));
}

/* A primary that loses its peer freezes in the same state change. */
static void drop(World *w, unsigned node, bool peer_outdated)
{
        Volume *v = &w->node[node].volume;

        if (!v->connected)
                return;
        world_trace(w, "node %u: replication lost", node);
        v->connected = false;
        if (v->primary && !peer_outdated && w->lie != LIE_FREEZE) {
                v->frozen = true;
                ask_fence(w, node);
        }
        volume_tell(w, node);
}

/* Whose data both will have, -1: nobody's by itself. */
static int source(const World *w)
{
        const Volume *v[NODES] = { &w->node[0].volume, &w->node[1].volume };

        for (int i = 0; i < NODES; i++) {
                const Volume *a = v[i], *b = v[OTHER(i)];

                if (a->disk != ELECT_DISK_UP_TO_DATE || b->primary || b->wrote_alone)
                        continue;
                if (a->wrote_alone || a->primary || b->disk != ELECT_DISK_UP_TO_DATE)
                        return i;
        }
        for (int i = 0; i < NODES; i++)
                if (v[i]->primary || v[i]->wrote_alone || v[i]->disk != ELECT_DISK_UP_TO_DATE)
                        return -1;
        return 0;
}

static void refuse_split(World *w)
{
        world_trace(w, "split-brain");
        if (!check_exempt(w))
                world_violate(w, "S2: both nodes wrote alone: split-brain");
        for (unsigned i = 0; i < NODES; i++)
                w->node[i].volume.split_brain = true;
        tell_both(w);
}

static void join(World *w, unsigned from)
{
        Volume *s = &w->node[from].volume, *t = &w->node[OTHER(from)].volume;
        uint64_t lost = w->check.acked & t->data & ~s->data;

        if (lost != 0 && !w->check.forced)
                world_violate(w, "S3: a resync overwrites acknowledged writes of node %u", OTHER(from));
        world_trace(w, "replication connected, from node %u", from);
        s->connection = t->connection = ++w->connections;
        s->connected = t->connected = true;
        s->silent_since_usec = t->silent_since_usec = 0;
        s->frozen = t->frozen = false;
        if (s->data != t->data || s->wrote_alone || t->disk != ELECT_DISK_UP_TO_DATE) {
                t->disk = ELECT_DISK_INCONSISTENT;
                world_plan(w, OTHER(from), DAEMON_KERNEL, world_between(w, 100, 3000) * USEC_PER_MSEC,
                           WORK_SYNCED)
                                ->number = t->connection;
        }
        for (unsigned i = 0; i < NODES; i++) {
                Order *promotion = &w->node[i].volume.promotion;

                if (promotion->id != 0) /* the handler is not needed any more */
                        world_plan(w, i, DAEMON_KERNEL, USEC_PER_MSEC, WORK_ORDER)->order = *promotion;
                promotion->id = 0;
        }
        tell_both(w);
}

static void try_connect(World *w)
{
        Volume *a = &w->node[0].volume, *b = &w->node[1].volume;

        if (a->connected || b->connected || a->split_brain || b->split_brain)
                return;
        if (a->wrote_alone && b->wrote_alone) {
                refuse_split(w);
                return;
        }
        int from = source(w);
        if (from >= 0)
                join(w, (unsigned) from);
}

/* DRBD sees a dead peer seconds later than the heartbeats do; a peer that dropped the connection, at once.
 */
static void look(World *w, unsigned node)
{
        Volume *v = &w->node[node].volume;

        if (linked(w)) {
                v->silent_since_usec = 0;
                if (v->connected && !both_connected(w))
                        drop(w, node, false);
                else if (!v->connected && world_chance(w, 3) == 0)
                        try_connect(w);
        } else if (v->connected) {
                if (v->silent_since_usec == 0)
                        v->silent_since_usec = w->now_usec;
                if (w->now_usec - v->silent_since_usec > world_between(w, 500, 3500) * USEC_PER_MSEC)
                        drop(w, node, false);
        }
        world_plan(w, node, DAEMON_KERNEL, LOOK_USEC + world_chance(w, LOOK_USEC), WORK_REPLICATION);
}

static void synced(World *w, const Work *work)
{
        Volume *t = &w->node[work->node].volume, *s = &w->node[OTHER(work->node)].volume;

        if (!both_connected(w) || t->connection != work->number)
                return;
        if (!linked(w)) {
                world_plan(w, work->node, DAEMON_KERNEL, USEC_PER_SEC, WORK_SYNCED)->number = work->number;
                return;
        }
        t->data = s->data;
        t->disk = ELECT_DISK_UP_TO_DATE;
        t->generation = s->generation;
        t->wrote_alone = s->wrote_alone = false;
        world_trace(w, "node %u: resync complete", work->node);
        tell_both(w);
}

/* A write that both disks have and the client knows of need not be told apart any more. */
static void forget_writes(World *w)
{
        Volume *a = &w->node[0].volume, *b = &w->node[1].volume;
        uint64_t everywhere = a->data & b->data & w->check.acked & ~(a->in_flight | b->in_flight);

        a->data &= ~everywhere;
        b->data &= ~everywhere;
        w->check.acked &= ~everywhere;
}

/* A bit that means no other write; the last one stands for all further ones. */
static uint64_t free_bit(const World *w)
{
        uint64_t used = w->check.acked;

        for (unsigned i = 0; i < NODES; i++)
                used |= w->node[i].volume.data | w->node[i].volume.in_flight;
        return ~used != 0 ? ~used & -~used : UINT64_C(1) << 63;
}

/* The first write without the peer makes a generation of its own. */
static void diverge(World *w, Volume *v)
{
        if (v->wrote_alone)
                return;
        v->wrote_alone = true;
        v->generation = ++w->connections << 8;
}

static void write_one(World *w, unsigned node)
{
        Volume *v = &w->node[node].volume;

        forget_writes(w);
        if (v->primary && v->mounted && !v->frozen && v->in_flight == 0) {
                v->in_flight = free_bit(w);
                v->data |= v->in_flight;
                if (!v->connected)
                        diverge(w, v);
                world_plan(w, node, DAEMON_KERNEL, world_between(w, 200, 3000), WORK_ACKNOWLEDGE);
        }
        world_plan(w, node, DAEMON_KERNEL, WRITE_USEC + world_chance(w, WRITE_USEC), WORK_WRITE);
}

static void acknowledge(World *w, unsigned node)
{
        Volume *v = &w->node[node].volume, *peer = &w->node[OTHER(node)].volume;

        if (v->in_flight == 0)
                return;
        if (both_connected(w) && linked(w))
                peer->data |= v->in_flight;
        else if (v->connected || v->frozen) {
                world_plan(w, node, DAEMON_KERNEL, 50 * USEC_PER_MSEC, WORK_ACKNOWLEDGE);
                return; /* unacknowledged as long as that lasts */
        } else {
                diverge(w, v);
        }
        w->check.acked |= v->in_flight;
        v->in_flight = 0;
}

static void primary_now(World *w, unsigned node, const Order *order)
{
        Volume *v = &w->node[node].volume;

        if ((w->check.acked & ~v->data) != 0 && !check_exempt(w))
                world_violate(w, "S1: node %u is promoted without every acknowledged write", node);
        v->primary = true;
        director_done(w, node, order, 0);
        tell_both(w);
}

/*
 * A connected promotion is agreed with the peer's kernel, which finds out whether there still is one.
 * Without its peer a disk is promoted only when the fence handler allows it.
 */
static void promote(World *w, unsigned node, const Order *order)
{
        Volume *v = &w->node[node].volume;
        bool agreed = both_connected(w) && linked(w);

        if (v->disk != ELECT_DISK_UP_TO_DATE || (agreed && w->node[OTHER(node)].volume.primary)) {
                director_done(w, node, order, -EACCES);
        } else if (v->primary || agreed) {
                primary_now(w, node, order);
        } else {
                drop(w, node, false);
                v->promotion = *order;
                ask_fence(w, node);
        }
}

void volume_answer(World *w, unsigned node, uint8_t answer)
{
        Volume *v = &w->node[node].volume;
        Order order = v->promotion;

        if (answer == 4 && v->frozen) {
                v->frozen = false;
                volume_tell(w, node);
        }
        if (order.id == 0)
                return;
        v->promotion.id = 0;
        if (answer == 4 && !v->connected)
                primary_now(w, node, &order);
        else
                director_done(w, node, &order, -EACCES);
}

/* A secondary that leaves a reachable primary is asked by it to become outdated first. */
static void disconnect(World *w, unsigned node)
{
        Volume *v = &w->node[node].volume, *peer = &w->node[OTHER(node)].volume;

        if (both_connected(w) && linked(w) && peer->primary && !v->primary) {
                v->disk = ELECT_DISK_OUTDATED;
                drop(w, OTHER(node), true);
        }
        drop(w, node, false);
}

static int obey(World *w, unsigned node, const Order *order)
{
        Volume *v = &w->node[node].volume;

        switch (order->order) {
        case ELECT_ORDER_DISCONNECT:
        case ELECT_ORDER_LEAVE:
                disconnect(w, node);
                return 0;
        case ELECT_ORDER_MOUNT:
                v->mounted = v->primary;
                return v->primary ? 0 : -EROFS;
        case ELECT_ORDER_UNMOUNT:
                v->mounted = false;
                return 0;
        case ELECT_ORDER_SECONDARY:
                if (v->mounted)
                        return -EBUSY;
                v->primary = v->frozen = false;
                v->in_flight = 0;
                tell_both(w);
                return 0;
        case ELECT_ORDER_RESUME:
                v->frozen = false;
                volume_tell(w, node);
                return 0;
        case ELECT_ORDER_NONE:
        case ELECT_ORDER_PRIMARY:
        case ELECT_ORDER_START:
        case ELECT_ORDER_ACQUIRE:
        case ELECT_ORDER_WITHDRAW:
        case ELECT_ORDER_STOP:
        case ELECT_ORDER_ANNOUNCE:
        case ELECT_ORDER_MAX:
                break;
        }
        return 0;
}

void volume_work(World *w, const Work *work)
{
        const Volume *v = &w->node[work->node].volume;

        if (work->type == WORK_ORDER && director_spoilt(w, work->node, work->order.order) < 0)
                director_done(w, work->node, &work->order, -EIO);
        else if (work->type == WORK_REPLICATION)
                look(w, work->node);
        else if (work->type == WORK_SYNCED)
                synced(w, work);
        else if (work->type == WORK_WRITE)
                write_one(w, work->node);
        else if (work->type == WORK_ACKNOWLEDGE)
                acknowledge(w, work->node);
        else if (work->order.order == ELECT_ORDER_PRIMARY)
                promote(w, work->node, &work->order);
        else if (work->order.order == ELECT_ORDER_UNMOUNT && v->frozen && v->in_flight != 0)
                world_plan(w, work->node, DAEMON_KERNEL, LOOK_USEC, WORK_ORDER)->order =
                                work->order; /* it hangs */
        else
                director_done(w, work->node, &work->order, obey(w, work->node, &work->order));
}
