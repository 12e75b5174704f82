/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What must hold, looked at after every step: S1 to S3 where the volume acts (volume.c), here S4 never both
 * sole, S5 never two holders of the virtual IP for longer than the dead time, L1 a lone node serves, L2 two
 * live nodes end with a master.
 */
#include "world.h"

/* Beyond the dead time: a full round of orders, a slow serial line, an fsync. */
#define MARGIN_USEC          (250 * USEC_PER_MSEC)
#define MESSAGES_PER_SEC_MAX 100

/* Anything happened: what has to come "in the end" gets its time anew. */
void check_disturbed(World *w)
{
        w->check.calm_since_usec = USEC_INFINITY;
        for (unsigned i = 0; i < NODES; i++)
                w->check.alone_since_usec[i] = USEC_INFINITY;
}

/* From here on two masters may meet, and have the dead time to become one. */
void check_parted(World *w)
{
        w->check.parted = true;
        check_disturbed(w);
}

/*
 * An operator who forces, or who has accepted that the arbiter `paths` is evidence and not mutual exclusion,
 * has taken S1, S2 and S4 upon themself; S3 holds even then.
 */
bool check_exempt(const World *w)
{
        return w->check.forced || (w->settings.arbiter == ELECT_ARBITER_PATHS && w->split_risk);
}

static uint64_t listen_usec(const World *w)
{
        uint64_t usec = MAX_OF(w->settings.dead_usec, 2 * USEC_PER_SEC);

        return MIN_OF(usec, USEC_PER_MINUTE);
}

static bool node_calm(const World *w, unsigned node)
{
        const Node *n = &w->node[node];

        if (w->settings.volume && (n->drbd.platter != PLATTER_GOOD || n->drbd.disk == ELECT_DISK_DISKLESS))
                return false;
        if (!n->power || n->frozen || n->leaving || !n->carrier || !n->healthy || n->spoilt != 0)
                return false;
        for (Daemon d = 0; d < DAEMON_KERNEL; d++)
                if (daemon_wanted(w, d) && (!n->daemon[d].running || n->daemon[d].stopped))
                        return false;
        if (n->director.core.state == ELECT_FAULT && n->director.core.fault_until_usec != 0)
                return false; /* rests after a step that failed, to try again */
        return !n->director.core.memory.maintenance;
}

static bool links_calm(const World *w)
{
        for (Link link = 0; link < LINK_MAX; link++)
                if (!net_whole(w, link) || w->wire[link].loss_percent > 0 || w->wire[link].filtered)
                        return false;
        return true;
}

/* Some heartbeats arrive, at either side: enough to end what a partition left. */
static bool heartbeats_pass(const World *w)
{
        for (Link link = 0; link < LINK_MAX; link++)
                if (!w->wire[link].filtered && w->wire[link].loss_percent < 40 &&
                    (net_reaches(w, link, 0) || net_reaches(w, link, 1)))
                        return true;
        return false;
}

/* Both nodes live, every link carries, nothing is broken. */
bool check_calm(const World *w)
{
        return node_calm(w, 0) && node_calm(w, 1) && links_calm(w);
}

static bool is_master(const World *w, unsigned node)
{
        return w->node[node].director.core.role == ELECT_ROLE_MASTER;
}

/* Before their first exchange of facts a node cannot tell the peer's answer from a stranger's. */
static bool know_each_other(const World *w)
{
        return w->node[0].director.core.memory.n_peer_macs > 0 &&
               w->node[1].director.core.memory.n_peer_macs > 0;
}

/* S5 counts while the nodes can see each other on the LAN and nobody is in the way of ending it. */
static void check_two_holders(World *w)
{
        Check *c = &w->check;
        bool both = address_answers(w, 0) && address_answers(w, 1) && net_whole(w, LINK_LAN) &&
                    heartbeats_pass(w);

        if (both && !c->parted && know_each_other(w))
                world_violate(w,
                              "S5: both nodes answer for the virtual IP, only processes or power were lost");
        for (unsigned i = 0; i < NODES; i++)
                for (Daemon d = 0; d < DAEMON_KERNEL; d++)
                        both = both && (!daemon_wanted(w, d) || daemon_acts(w, i, d));
        if (!both)
                c->both_since_usec = USEC_INFINITY;
        else if (c->both_since_usec == USEC_INFINITY)
                c->both_since_usec = w->now_usec;
        else if (w->now_usec - c->both_since_usec > w->settings.dead_usec + MARGIN_USEC)
                world_violate(w, "S5: both nodes have answered for the virtual IP for %lu ms",
                              (unsigned long) ((w->now_usec - c->both_since_usec) / USEC_PER_MSEC));
}

static bool sole_on_disk(const Disk *d)
{
        int newest = d->slot[0].valid && (!d->slot[1].valid || d->slot[0].generation > d->slot[1].generation)
                                     ? 0
                                     : 1;

        return d->slot[newest].valid && d->slot[newest].memory.sole;
}

static void check_volume(World *w)
{
        const Drbd *a = &w->node[0].drbd, *b = &w->node[1].drbd;
        uint64_t acked = w->check.acked;

        if (check_exempt(w))
                return;
        if (!w->check.reverted && sole_on_disk(&w->node[0].disk) && sole_on_disk(&w->node[1].disk))
                world_violate(w, "S4: both nodes hold the right to be master alone");
        if ((acked & a->data & ~b->data) != 0 && (acked & b->data & ~a->data) != 0)
                world_violate(w, "S2: acknowledged writes diverge");
        if (volume_writes(w, 0) && volume_writes(w, 1))
                world_violate(w, "two writable primaries");
}

/* L2: left alone, two nodes end with one master that answers. */
static void check_served(World *w)
{
        Check *c = &w->check;
        uint64_t limit = 3 * listen_usec(w) + 5 * w->settings.dead_usec + 15 * USEC_PER_SEC;

        if (!check_calm(w)) {
                c->calm_since_usec = USEC_INFINITY;
                return;
        }
        if (c->calm_since_usec == USEC_INFINITY)
                c->calm_since_usec = c->unserved_since_usec = w->now_usec;
        if (w->settings.volume && (w->node[0].volume.split_brain || check_exempt(w)))
                c->unserved_since_usec = w->now_usec;
        if ((is_master(w, 0) && address_answers(w, 0)) || (is_master(w, 1) && address_answers(w, 1)))
                c->unserved_since_usec = w->now_usec;
        if (w->now_usec - c->unserved_since_usec > limit)
                world_violate(w, "L2: two live nodes and nobody serves for %lu s",
                              (unsigned long) ((w->now_usec - c->unserved_since_usec) / USEC_PER_SEC));
}

static bool has_proof(const World *w, unsigned node)
{
        const ElectMemory *memory = &w->node[node].director.core.memory;

        return !w->settings.volume || (memory->sole && !w->node[node].volume.split_brain &&
                                       w->node[node].drbd.disk >= ELECT_DISK_CONSISTENT);
}

/* L1: alone, with proof, nothing broken here: serves in the end. */
static void check_alone(World *w, unsigned node)
{
        uint64_t *since = &w->check.alone_since_usec[node];
        uint64_t limit = 2 * listen_usec(w) + 3 * w->settings.dead_usec + 12 * USEC_PER_SEC;
        bool serves = is_master(w, node) && address_answers(w, node);

        if (w->node[OTHER(node)].power || !node_calm(w, node) || !has_proof(w, node) || serves)
                *since = USEC_INFINITY;
        else if (*since == USEC_INFINITY)
                *since = w->now_usec;
        else if (w->now_usec - *since > limit)
                world_violate(w, "L1: node %u is alone and does not serve for %lu s", node,
                              (unsigned long) ((w->now_usec - *since) / USEC_PER_SEC));
}

/*
 * A running role counts as changed when it becomes or ceases to be master by a decision: a node that died,
 * or an electd that is reading what it was, has made none.
 */
static void count_moves(World *w)
{
        Check *c = &w->check;

        for (unsigned i = 0; i < NODES; i++) {
                Node *n = &w->node[i];
                bool known = daemon_runs(w, i, DAEMON_ELECTD) && n->director.core.state != ELECT_INIT;
                bool master = is_master(w, i);

                if (!n->power)
                        n->was_master = false;
                else if (known && master != n->was_master) {
                        n->was_master = master;
                        c->role_changes++;
                }
                if (!known || !master || !address_answers(w, i) || address_answers(w, OTHER(i)) ||
                    c->server == (int) i)
                        continue;
                if (c->server >= 0)
                        c->moves++;
                c->server = (int) i;
        }
}

/* Two nodes that answer each other for ever decide nothing and starve everything else. */
void check_message(World *w, unsigned node)
{
        Node *n = &w->node[node];

        if (w->now_usec - n->said_usec > USEC_PER_SEC) {
                n->said_usec = w->now_usec;
                n->said = 0;
        }
        if (++n->said > MESSAGES_PER_SEC_MAX)
                world_violate(w, "node %u sends more than %d messages a second", node, MESSAGES_PER_SEC_MAX);
}

void check_step(World *w)
{
        check_two_holders(w);
        check_served(w);
        for (unsigned i = 0; i < NODES; i++)
                check_alone(w, i);
        if (w->settings.volume)
                check_volume(w);
        count_moves(w);
}
