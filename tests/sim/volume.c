/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replicd and what stands on the volume: electd's orders to the kernel's device (drbd.c), the keeper that
 * connects it again, what electd is told of it, and a client that writes. A write is one bit; it is
 * acknowledged when every disk that takes part has it.
 */
#include "world.h"

#include <errno.h>

#define LOOK_USEC       (150 * USEC_PER_MSEC)
#define WRITE_USEC      (100 * USEC_PER_MSEC)
#define REST_USEC       USEC_PER_SEC
#define REST_MAX_USEC   (10 * USEC_PER_SEC)
#define FENCE_ASKED_MAX 4 /* by one promotion, as the kernel does */

static bool has_disk(const World *w, unsigned node)
{
        return w->node[node].drbd.disk > ELECT_DISK_DISKLESS;
}

static bool disk_stalls(const World *w, unsigned node)
{
        return has_disk(w, node) && w->node[node].drbd.platter == PLATTER_STALLED;
}

/* What is written here gets to every disk that takes part, or waits. */
static bool flows(const World *w, unsigned node)
{
        const Drbd *d = &w->node[node].drbd;

        return !d->frozen && !disk_stalls(w, node) &&
               (d->net != DRBD_CONNECTED || (drbd_carries(w) && !disk_stalls(w, OTHER(node))));
}

/* An error where no disk is up to date (the kernel's may_do_writes). */
static bool may_write(const World *w, unsigned node)
{
        return w->node[node].drbd.disk == ELECT_DISK_UP_TO_DATE ||
               (drbd_carries(w) && w->node[OTHER(node)].drbd.disk == ELECT_DISK_UP_TO_DATE);
}

/* Whether a write here would be acknowledged. */
bool volume_writes(const World *w, unsigned node)
{
        const Node *n = &w->node[node];

        return n->drbd.primary && n->volume.mounted && !n->frozen && flows(w, node) && may_write(w, node);
}

void volume_tell(World *w, unsigned node)
{
        const Drbd *d = &w->node[node].drbd, *peer = &w->node[OTHER(node)].drbd;
        bool joined = d->net == DRBD_CONNECTED, sees = drbd_joined(w);
        uint64_t stalled = d->stalled_usec != 0 ? w->now_usec - d->stalled_usec : 0;
        ElectEvent event = { .type = ELECT_EV_VOLUME };

        if (!daemon_acts(w, node, DAEMON_REPLICD))
                return;
        if (d->net != DRBD_DOWN)
                event.volume = (ElectVolume){
                        .known = true,
                        .connected = joined,
                        .connection = d->connection,
                        .primary = d->primary,
                        .peer_primary = sees && peer->primary,
                        .frozen = d->frozen,
                        .split_brain = w->node[node].volume.split_brain,
                        .wrote_alone = d->meta.bitmap != 0,
                        .disk = d->disk,
                        .peer_disk = d->peer_disk,
                        .generation = d->meta.current,
                        .peer_generation = sees ? peer->meta.current : 0,
                        .stalled_usec = stalled,
                };
        director_tell(w, node, &event, world_between(w, 100, 1000));
}

static void tell_both(World *w)
{
        for (unsigned i = 0; i < NODES; i++)
                volume_tell(w, i);
}

void volume_boot(World *w, unsigned node)
{
        w->node[node].volume.left = false;
        world_plan(w, node, DAEMON_KERNEL, world_between(w, 200, 400) * USEC_PER_MSEC, WORK_REPLICATION);
        world_plan(w, node, DAEMON_KERNEL, WRITE_USEC, WORK_WRITE);
}

void volume_crash(World *w, unsigned node)
{
        Volume *v = &w->node[node].volume;

        drbd_crash(w, node);
        v->mounted = false;
        v->in_flight = 0;
        v->promotion.id = 0;
        v->rest_usec = v->connect_usec = 0;
}

void replicd_start(World *w, unsigned node)
{
        volume_tell(w, node);
}

/* With it dies the tool that it had sent to the kernel, but nothing that the kernel does. */
void replicd_died(World *w, unsigned node)
{
        w->node[node].volume.promotion.id = 0;
        director_helper_died(w, node, DAEMON_REPLICD);
        director_tell(w, node, &(ElectEvent){ .type = ELECT_EV_VOLUME }, 100);
}

/* The kernel calls the fence handler, which asks electd; nobody has said that it must be quick. */
void volume_ask_fence(World *w, unsigned node)
{
        uint64_t most = w->node[node].busy ? 8 * USEC_PER_SEC : 3000;

        director_tell(w, node, &(ElectEvent){ .type = ELECT_EV_FENCE_ASKED }, world_between(w, 500, most));
}

/* The handler of a promotion is not needed any more: the peer itself can be asked. */
void volume_joined(World *w, unsigned node)
{
        Volume *v = &w->node[node].volume;

        v->rest_usec = v->connect_usec = 0;
        v->split_brain = false;
        if (v->promotion.id != 0)
                world_plan(w, node, DAEMON_REPLICD, USEC_PER_MSEC, WORK_ORDER)->order = v->promotion;
        v->promotion.id = 0;
}

/* Seen by who finds it; the other may only see the connection go. */
void volume_refused(World *w, unsigned node, bool split_brain)
{
        Volume *v = &w->node[node].volume;

        if (split_brain && !v->split_brain) {
                world_trace(w, "node %u: split-brain", node);
                if (!check_exempt(w))
                        world_violate(w, "S2: both nodes wrote alone: split-brain");
                v->split_brain = true;
        }
        volume_tell(w, node);
}

/* A connection that ended for good is tried again after a rest, but for a split-brain. */
static void keep(World *w, unsigned node)
{
        Volume *v = &w->node[node].volume;

        if (w->node[node].drbd.net != DRBD_STANDALONE || v->split_brain ||
            !daemon_acts(w, node, DAEMON_REPLICD)) {
                v->connect_usec = 0;
        } else if (v->connect_usec == 0) {
                v->rest_usec = v->rest_usec == 0 ? REST_USEC : MIN_OF(2 * v->rest_usec, REST_MAX_USEC);
                v->connect_usec = w->now_usec + v->rest_usec;
        } else if (w->now_usec >= v->connect_usec && v->promotion.id == 0) {
                v->connect_usec = 0;
                drbd_connect(w, node, false);
        }
}

/* A disk that answers nothing shows by what waits for it. */
static void watch_disk(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd;
        bool written = w->node[node].volume.in_flight != 0 ||
                       (drbd_joined(w) && w->node[OTHER(node)].volume.in_flight != 0);

        if (d->stalled_usec == 0 && (!disk_stalls(w, node) || !written))
                return;
        if (!disk_stalls(w, node))
                d->stalled_usec = 0;
        else if (d->stalled_usec == 0)
                d->stalled_usec = w->now_usec;
        volume_tell(w, node);
}

static void look(World *w, unsigned node)
{
        watch_disk(w, node);
        if (!w->node[node].volume.left) {
                drbd_look(w, node);
                keep(w, node);
                if (node == MASTER_NODE)
                        drbd_skip_first_sync(w);
        }
        world_plan(w, node, DAEMON_KERNEL, LOOK_USEC + world_chance(w, LOOK_USEC), WORK_REPLICATION);
}

/* A write that both disks have and the client knows of need not be told apart any more. */
static void forget_writes(World *w)
{
        uint64_t everywhere = w->check.acked;

        for (unsigned i = 0; i < NODES; i++)
                everywhere &= w->node[i].drbd.data & ~w->node[i].volume.in_flight;
        for (unsigned i = 0; i < NODES; i++)
                w->node[i].drbd.data &= ~everywhere;
        w->check.acked &= ~everywhere;
}

/* A bit that means no other write; the last one stands for all further ones. */
static uint64_t free_bit(const World *w)
{
        uint64_t used = w->check.acked;

        for (unsigned i = 0; i < NODES; i++)
                used |= w->node[i].drbd.data | w->node[i].volume.in_flight;
        return ~used != 0 ? ~used & -~used : UINT64_C(1) << 63;
}

static void write_one(World *w, unsigned node)
{
        Volume *v = &w->node[node].volume;
        Drbd *d = &w->node[node].drbd;

        forget_writes(w);
        if (d->primary && v->mounted && !d->frozen && v->in_flight == 0 && !w->full) {
                v->in_flight = free_bit(w);
                if (has_disk(w, node) && d->platter == PLATTER_GOOD)
                        d->data |= v->in_flight;
                world_plan(w, node, DAEMON_KERNEL, world_between(w, 200, 3000), WORK_ACKNOWLEDGE);
        }
        world_plan(w, node, DAEMON_KERNEL, WRITE_USEC + world_chance(w, WRITE_USEC), WORK_WRITE);
}

/* Unacknowledged as long as it does not get through; an error where there is no disk left. */
static void acknowledge(World *w, unsigned node)
{
        Volume *v = &w->node[node].volume;
        Drbd *d = &w->node[node].drbd, *peer = &w->node[OTHER(node)].drbd;
        bool here = has_disk(w, node), there = drbd_carries(w) && has_disk(w, OTHER(node));

        if (v->in_flight == 0)
                return;
        if (!flows(w, node) || (here && d->platter == PLATTER_FAILED)) {
                world_plan(w, node, DAEMON_KERNEL, 50 * USEC_PER_MSEC, WORK_ACKNOWLEDGE);
                return;
        }
        if (may_write(w, node)) {
                w->check.acked |= v->in_flight;
                if (here)
                        d->data |= v->in_flight;
                if (there)
                        peer->data |= v->in_flight;
        }
        v->in_flight = 0;
}

static void promoted(World *w, unsigned node, const Order *order)
{
        director_done(w, node, order, 0);
        tell_both(w);
}

static void promote(World *w, unsigned node, const Order *order)
{
        Volume *v = &w->node[node].volume;
        bool was = w->node[node].drbd.primary;
        int r = drbd_promote(w, node, order->force);

        if (r == 0 && !was && (w->check.acked & ~drbd_data(w, node)) != 0 && !check_exempt(w))
                world_violate(w, "S1: node %u is promoted without every acknowledged write", node);

        if (r == -EINPROGRESS) {
                world_plan(w, node, DAEMON_REPLICD, LOOK_USEC, WORK_ORDER)->order = *order;
        } else if (r == -EAGAIN) {
                v->promotion = *order;
                v->fence_asked = 1;
                volume_ask_fence(w, node);
        } else if (r < 0) {
                director_done(w, node, order, r);
        } else {
                promoted(w, node, order);
        }
}

void volume_answer(World *w, unsigned node, uint8_t answer)
{
        Volume *v = &w->node[node].volume;
        Order order = v->promotion;

        if (answer == 4) {
                drbd_fenced(w, node);
                volume_tell(w, node);
        }
        if (order.id == 0)
                return;
        if (answer != 4 && ++v->fence_asked <= FENCE_ASKED_MAX) {
                volume_ask_fence(w, node);
                return;
        }
        v->promotion.id = 0;
        if (answer == 4)
                promote(w, node, &order);
        else
                director_done(w, node, &order, -EACCES);
}

/* What touches the file system hangs where its writes do. */
static bool hangs(const World *w, unsigned node, ElectOrder order)
{
        return order == ELECT_ORDER_UNMOUNT && w->node[node].volume.mounted && !flows(w, node);
}

static int obey(World *w, unsigned node, const Order *order)
{
        Volume *v = &w->node[node].volume;

        switch (order->order) {
        case ELECT_ORDER_DISCONNECT:
                drbd_disconnect(w, node);
                return 0;
        case ELECT_ORDER_LEAVE:
                v->left = w->node[node].leaving;
                return drbd_leave(w, node);
        case ELECT_ORDER_MOUNT:
                v->mounted = w->node[node].drbd.primary && flows(w, node);
                return v->mounted ? 0 : -EROFS;
        case ELECT_ORDER_UNMOUNT:
                v->mounted = false;
                v->in_flight = 0;
                return 0;
        case ELECT_ORDER_SECONDARY:
                if (v->mounted)
                        return -EBUSY;
                drbd_demote(w, node);
                v->promotion.id = 0;
                tell_both(w);
                return 0;
        case ELECT_ORDER_RESUME:
                drbd_disconnect(w, node);
                drbd_thaw(w, node);
                volume_tell(w, node);
                return 0;
        case ELECT_ORDER_CONNECT:
                v->split_brain = false;
                drbd_connect(w, node, false);
                volume_tell(w, node);
                return 0;
        case ELECT_ORDER_DISCARD:
                if (w->node[node].drbd.primary)
                        return -EBUSY;
                v->snapshot = true;
                v->split_brain = false;
                drbd_connect(w, node, true);
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

static void do_order(World *w, unsigned node, const Order *order)
{
        if (director_spoilt(w, node, order->order) < 0)
                director_done(w, node, order, -EIO);
        else if (order->order == ELECT_ORDER_PRIMARY)
                promote(w, node, order);
        else if (hangs(w, node, order->order))
                world_plan(w, node, DAEMON_REPLICD, LOOK_USEC, WORK_ORDER)->order = *order;
        else
                director_done(w, node, order, obey(w, node, order));
}

void volume_work(World *w, const Work *work)
{
        if (work->type == WORK_REPLICATION)
                look(w, work->node);
        else if (work->type == WORK_SYNCED)
                drbd_synced(w, work);
        else if (work->type == WORK_THAWED)
                drbd_thawed(w, work);
        else if (work->type == WORK_WRITE)
                write_one(w, work->node);
        else if (work->type == WORK_ACKNOWLEDGE)
                acknowledge(w, work->node);
        else
                do_order(w, work->node, &work->order);
}
