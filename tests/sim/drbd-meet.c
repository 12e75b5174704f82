/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two replicated disks meet: whose data are newer, whether they can work together, and the resync. After
 * drbd_uuid_compare, drbd_sync_handshake and receive_state of the kernel's drbd_receiver.c.
 */
#include "drbd.h"

/* Whose data are newer, seen from the first of the two. */
typedef enum Meeting {
        MEETING_SOURCE,
        MEETING_EQUAL,
        MEETING_TARGET,
        MEETING_SPLIT,
        MEETING_UNRELATED,
} Meeting;

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
        if (x->current == DRBD_JUST_MADE || x->current == y->bitmap || in_history(y, x->current))
                return MEETING_TARGET;
        if (y->current == DRBD_JUST_MADE || y->current == x->bitmap || in_history(x, y->current))
                return MEETING_SOURCE;
        if (x->bitmap != 0 && (x->bitmap == y->bitmap || in_history(y, x->bitmap)))
                return MEETING_SPLIT;
        return y->bitmap != 0 && in_history(x, y->bitmap) ? MEETING_SPLIT : MEETING_UNRELATED;
}

static bool shows_other_data(const Drbd *d, const Drbd *peer)
{
        return d->primary && !drbd_attached(d) && drbd_attached(peer) && d->exposed != peer->meta.current;
}

/* What the handshake of two disks comes to. */
static Meeting shake_hands(const Drbd *a, const Drbd *b)
{
        Meeting meeting = compare(a, b);

        if (shows_other_data(a, b) || shows_other_data(b, a))
                return MEETING_UNRELATED;
        if (!drbd_attached(a) || !drbd_attached(b))
                return MEETING_EQUAL;
        if (meeting == MEETING_SPLIT && a->discard != b->discard)
                return a->discard ? MEETING_TARGET : MEETING_SOURCE;
        if (meeting == MEETING_SPLIT || meeting == MEETING_UNRELATED)
                return meeting;
        if ((a->disk == ELECT_DISK_INCONSISTENT) != (b->disk == ELECT_DISK_INCONSISTENT))
                return a->disk == ELECT_DISK_INCONSISTENT ? MEETING_TARGET : MEETING_SOURCE;
        return meeting;
}

/* Who finds the reason disconnects for good; the other may see no more than that it goes. */
static void refuse(World *w, Meeting meeting)
{
        unsigned first = (unsigned) world_chance(w, NODES);
        bool both = world_chance(w, 4) != 0;

        drbd_lose(w, first, DRBD_STANDALONE, false);
        drbd_lose(w, OTHER(first), both ? DRBD_STANDALONE : DRBD_CONNECTING, false);
        volume_refused(w, first, meeting == MEETING_SPLIT);
        volume_refused(w, OTHER(first), both && meeting == MEETING_SPLIT);
}

/* An operator's word: what was written on that side counts no more. */
static void discard(World *w)
{
        for (unsigned i = 0; i < NODES; i++)
                if (w->node[i].drbd.discard)
                        w->check.acked &= ~(w->node[i].drbd.data & ~w->node[OTHER(i)].drbd.data);
}

void drbd_begin_sync(World *w, unsigned from)
{
        Drbd *s = &w->node[from].drbd, *t = &w->node[OTHER(from)].drbd;
        uint64_t lost = w->check.acked & t->data & ~s->data;

        if (lost != 0 && !w->check.forced)
                world_violate(w, "S3: a resync overwrites acknowledged writes of node %u", OTHER(from));
        world_trace(w, "resync from node %u", from);
        drbd_set_disk(w, s, ELECT_DISK_UP_TO_DATE);
        drbd_set_disk(w, t, ELECT_DISK_INCONSISTENT);
        world_plan(w, OTHER(from), DAEMON_KERNEL,
                   s->backlog_usec + world_between(w, 100, 3000) * USEC_PER_MSEC, WORK_SYNCED)
                        ->number = t->connection;
}

/* What only one of them has was never acknowledged; its activity log sends it again. */
static void are_equal(World *w)
{
        for (unsigned i = 0; i < NODES; i++) {
                Drbd *d = &w->node[i].drbd;

                if (drbd_attached(d) && drbd_attached(&w->node[OTHER(i)].drbd))
                        d->data |= w->node[OTHER(i)].drbd.data;
                if (d->disk == ELECT_DISK_CONSISTENT || d->disk == ELECT_DISK_OUTDATED)
                        drbd_set_disk(w, d, ELECT_DISK_UP_TO_DATE);
                d->meta.crashed = false;
        }
}

static void apply(World *w, Meeting meeting)
{
        if (meeting == MEETING_EQUAL)
                are_equal(w);
        else
                drbd_begin_sync(w, meeting == MEETING_SOURCE ? 0 : 1);
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

void drbd_meet(World *w)
{
        Drbd *a = &w->node[0].drbd, *b = &w->node[1].drbd;
        Meeting meeting = shake_hands(a, b);

        if (!agreeable(w, meeting, NULL)) {
                refuse(w, meeting);
                return;
        }
        world_trace(w, "replication connected");
        discard(w);
        a->connection = b->connection = ++w->connections;
        for (unsigned i = 0; i < NODES; i++) {
                Drbd *d = &w->node[i].drbd;

                d->net = DRBD_CONNECTED;
                d->silent_since_usec = 0;
                d->peer_disk = w->node[OTHER(i)].drbd.disk;
                d->frozen = d->new_generation = d->discard = false; /* what waited is sent again */
                volume_joined(w, i);
        }
        apply(w, meeting);
}

/* The disk's metadata are read; within a connection its data are compared, which waits for the link. */
void drbd_attach(World *w, unsigned node)
{
        Drbd *d = &w->node[node].drbd;
        Meeting meeting;

        d->attaching = d->net != DRBD_DOWN && !drbd_attached(d);
        if (!d->attaching || d->platter != PLATTER_GOOD || (drbd_joined(w) && !drbd_carries(w)))
                return;
        if (!drbd_joined(w) && d->primary && d->exposed != d->meta.current)
                return; /* its users have seen newer data than are on this disk */
        d->attaching = false;
        if (!drbd_joined(w)) {
                drbd_read_meta(d);
                volume_tell(w, node);
                return;
        }
        drbd_set_disk(w, d, d->meta.disk);
        meeting = shake_hands(&w->node[0].drbd, &w->node[1].drbd);
        if (agreeable(w, meeting, d))
                apply(w, meeting);
        else
                refuse(w, meeting);
}

void drbd_synced(World *w, const Work *work)
{
        Drbd *t = &w->node[work->node].drbd, *s = &w->node[OTHER(work->node)].drbd;

        if (!drbd_joined(w) || t->connection != work->number || t->disk != ELECT_DISK_INCONSISTENT ||
            s->disk != ELECT_DISK_UP_TO_DATE)
                return;
        if (!drbd_linked(w) || t->platter != PLATTER_GOOD || s->platter != PLATTER_GOOD) {
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
        drbd_set_disk(w, t, ELECT_DISK_UP_TO_DATE);
        world_trace(w, "node %u: resync complete", work->node);
        volume_tell(w, 0);
        volume_tell(w, 1);
}

/* Both disks were blank: there is nothing to copy (`new-current-uuid --clear-bitmap`). */
void drbd_skip_first_sync(World *w)
{
        Drbd *a = &w->node[0].drbd, *b = &w->node[1].drbd;

        if (!drbd_carries(w) || a->meta.current != DRBD_JUST_MADE || b->meta.current != DRBD_JUST_MADE ||
            a->disk != ELECT_DISK_INCONSISTENT || b->disk != ELECT_DISK_INCONSISTENT)
                return;
        a->meta.current = b->meta.current = ++w->connections << 8;
        drbd_set_disk(w, a, ELECT_DISK_UP_TO_DATE);
        drbd_set_disk(w, b, ELECT_DISK_UP_TO_DATE);
        volume_tell(w, 0);
        volume_tell(w, 1);
}
