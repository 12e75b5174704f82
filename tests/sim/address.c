/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vipd as electd sees it, and the LAN's answer to the question who has the virtual IP. */
#include "world.h"

#include <errno.h>
#include <string.h>

#define WATCH_USEC   (100 * USEC_PER_MSEC)
#define REACH_USEC   (2 * USEC_PER_SEC)
#define KNOWN_USEC   (5 * REACH_USEC)
#define MAC_STRANGER 0x66

/* What a WORK_PROBE is about. */
enum { PROBE_AGAIN, PROBE_BEGIN, PROBE_END };

static void fill_mac(uint8_t mac[ELECT_MAC_SIZE], uint8_t last)
{
        memcpy(mac, (const uint8_t[]){ 2, 0, 0, 0, 0, last }, ELECT_MAC_SIZE);
}

/* The kernel answers as long as it runs, whatever its daemons do. */
bool address_answers(const World *w, unsigned node)
{
        const Node *n = &w->node[node];

        return n->power && !n->frozen && n->carrier && n->address;
}

static void tell(World *w, unsigned node, const ElectEvent *event)
{
        director_tell(w, node, event, 100);
}

static void tell_link(World *w, unsigned node)
{
        bool carrier = w->node[node].carrier;

        w->node[node].vipd.carrier_told = carrier;
        tell(w, node, &(ElectEvent){ .type = ELECT_EV_LINK, .link = carrier ? ELECT_GOOD : ELECT_BAD });
}

void vipd_tell_all(World *w, unsigned node)
{
        const Vipd *v = &w->node[node].vipd;
        ElectEvent event = {
                .type = ELECT_EV_ADDRESSES,
                .addresses = { .held = v->held, .epoch = v->epoch, .n_macs = 1, .usable = true }
        };

        if (!daemon_runs(w, node, DAEMON_VIPD))
                return;
        fill_mac(event.addresses.macs[0], (uint8_t) node);
        tell(w, node, &event);
        tell_link(w, node);
}

void vipd_start(World *w, unsigned node)
{
        Vipd *v = &w->node[node].vipd;
        uint64_t patience = MAX_OF(w->settings.dead_usec, 2 * USEC_PER_SEC);

        v->ordered = v->probing = v->conflict = v->asked = false;
        v->reached_usec = 0;
        vipd_tell_all(w, node);
        world_plan(w, node, DAEMON_VIPD, patience, WORK_LEDGER);
        world_plan(w, node, DAEMON_VIPD, WATCH_USEC, WORK_WATCH)->number = 1;
}

void vipd_died(World *w, unsigned node)
{
        director_helper_died(w, node, DAEMON_VIPD);
        tell(w, node, &(ElectEvent){ .type = ELECT_EV_VIPD_GONE });
}

void vipd_link_changed(World *w, unsigned node)
{
        if (daemon_acts(w, node, DAEMON_VIPD))
                tell_link(w, node);
}

static void obey(World *w, unsigned node, const Order *order)
{
        Node *n = &w->node[node];
        int error = 0;

        n->vipd.ordered = true;
        if (director_spoilt(w, node, order->order) < 0)
                error = -EIO;
        else if (order->order == ELECT_ORDER_ACQUIRE && order->epoch < n->vipd.epoch)
                error = -ESTALE;
        else if (order->order == ELECT_ORDER_ACQUIRE) {
                n->vipd.epoch = order->epoch;
                n->vipd.held = n->address = true;
        } else if (order->order == ELECT_ORDER_WITHDRAW) {
                n->vipd.held = false;
                n->address = w->lie == LIE_WITHDRAW && n->address;
        }
        director_done(w, node, order, error);
}

static void hear_answer(World *w, unsigned node, uint8_t last)
{
        ElectEvent event = { .type = ELECT_EV_ANSWERED };

        fill_mac(event.answer.mac, last);
        event.answer.present = true;
        director_tell(w, node, &event, world_between(w, 100, 600));
}

static void tell_reached(World *w, unsigned node, bool answered)
{
        ElectEvent event = { .type = ELECT_EV_REACHED, .reached = { answered, w->now_usec } };

        director_tell(w, node, &event, world_between(w, 100, 600));
}

/* The peer's kernel answers at the replication link, whatever its daemons do. */
static void reach(World *w, unsigned node)
{
        const Node *peer = &w->node[OTHER(node)];
        Vipd *v = &w->node[node].vipd;

        v->unanswered = v->asked && !v->answered ? v->unanswered + 1 : 0;
        v->asked = w->settings.volume;
        v->answered = v->asked && net_whole(w, LINK_REPLICATION) && peer->power && !peer->frozen;
        if (v->answered)
                v->reached_usec = w->now_usec;
        if (v->probing && v->answered)
                tell_reached(w, node, true);
        else if (v->probing && v->reached_usec + KNOWN_USEC > v->probing_usec && v->unanswered >= 5)
                tell_reached(w, node, false);
}

static void ask_around(World *w, unsigned node)
{
        const Node *n = &w->node[node];

        if (!n->vipd.probing)
                return;
        reach(w, node);
        if (net_whole(w, LINK_LAN) && address_answers(w, OTHER(node)) && w->lie != LIE_PROBE)
                hear_answer(w, node, (uint8_t) OTHER(node));
        if (n->carrier && w->stranger)
                hear_answer(w, node, MAC_STRANGER);
        world_plan(w, node, DAEMON_VIPD, MAX_OF(w->settings.dead_usec / 20, 2 * USEC_PER_MSEC), WORK_PROBE);
}

void vipd_probe(World *w, unsigned node, bool on)
{
        Work *work;

        if (!daemon_runs(w, node, DAEMON_VIPD))
                return;
        work = world_plan(w, node, DAEMON_VIPD, world_between(w, 50, 300), WORK_PROBE);
        work->number = on ? PROBE_BEGIN : PROBE_END;
}

static void probe(World *w, const Work *work)
{
        Vipd *v = &w->node[work->node].vipd;
        bool was = v->probing;

        if (work->number == PROBE_AGAIN) {
                ask_around(w, work->node);
                return;
        }
        v->probing = work->number == PROBE_BEGIN;
        if (v->probing != was) {
                v->asked = false;
                v->probing_usec = w->now_usec;
        }
        if (!v->probing)
                return;
        tell(w, work->node, &(ElectEvent){ .type = ELECT_EV_PROBING });
        if (!was)
                ask_around(w, work->node);
}

/* Puts back what something else removed; says when another host answers for what is held, and when no more.
 */
static void watch(World *w, unsigned node, bool again)
{
        Node *n = &w->node[node];
        bool peer = n->address && net_whole(w, LINK_LAN) && address_answers(w, OTHER(node));
        bool conflict = peer || (n->address && n->carrier && w->stranger);
        ElectEvent event = { .type = ELECT_EV_CONFLICT };

        if (n->vipd.held && n->vipd.ordered)
                n->address = true;
        if (!n->vipd.probing && w->now_usec >= n->vipd.reached_usec + REACH_USEC)
                reach(w, node);
        if (n->vipd.carrier_told != n->carrier)
                tell_link(w, node); /* changed while it was stopped */
        if (conflict != n->vipd.conflict) {
                n->vipd.conflict = event.answer.present = conflict;
                fill_mac(event.answer.mac, peer ? (uint8_t) OTHER(node) : MAC_STRANGER);
                tell(w, node, &event);
        }
        if (again)
                world_plan(w, node, DAEMON_VIPD, WATCH_USEC, WORK_WATCH)->number = 1;
}

void vipd_strip(World *w, unsigned node)
{
        if (!w->node[node].address)
                return;
        w->node[node].address = false;
        world_plan(w, node, DAEMON_VIPD, world_between(w, 1, 50) * USEC_PER_MSEC, WORK_WATCH);
}

void vipd_work(World *w, const Work *work)
{
        Node *n = &w->node[work->node];

        if (work->type == WORK_ORDER)
                obey(w, work->node, &work->order);
        else if (work->type == WORK_PROBE)
                probe(w, work);
        else if (work->type == WORK_WATCH)
                watch(w, work->node, work->number == 1);
        else if (work->type == WORK_LEDGER && !n->vipd.ordered && n->vipd.held)
                n->vipd.held = n->address = false; /* nobody claims it */
}
