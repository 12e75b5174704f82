/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <string.h>

#include "common/base/macros.h"
#include "elect-pair.h"

#define STEP_USEC USEC_PER_MSEC
#define BEAT_USEC (PAIR_DEAD_USEC / 10)

static void enqueue(Pair *pair, int node, const ElectEvent *event, uint64_t delay_usec)
{
        g_assert_cmpuint(pair->n_queue, <, PAIR_QUEUE_MAX);
        pair->queue[pair->n_queue++] = (PairEvent){
                .when_usec = pair->now_usec + delay_usec,
                .order = pair->orders++,
                .life = pair->node[node].life,
                .node = node,
                .event = *event,
        };
}

static void tell_addresses(Pair *pair, int i)
{
        PairNode *node = &pair->node[i];
        ElectEvent event = { .type = ELECT_EV_ADDRESSES };

        event.addresses.held = node->holds;
        event.addresses.epoch = node->vipd_epoch;
        event.addresses.usable = true;
        event.addresses.n_macs = 1;
        memset(event.addresses.macs[0], 0xa0 + i, ELECT_MAC_SIZE);
        pair_give(pair, i, &event);
}

static int do_order(Pair *pair, PairNode *node, const ElectAction *action)
{
        int error = node->order_error;

        if (!node->vipd)
                return -ENOTCONN;
        if (error != 0 && action->order.order != ELECT_ORDER_ANNOUNCE) {
                node->order_error = 0;
                return error;
        }
        if (action->order.order == ELECT_ORDER_ACQUIRE) {
                g_assert_cmpuint(action->order.epoch, >=, node->vipd_epoch);
                node->vipd_epoch = action->order.epoch;
                node->holds = true;
                node->promotions++;
        } else if (action->order.order == ELECT_ORDER_WITHDRAW) {
                node->holds = false;
                node->demotions++;
        } else {
                g_assert_cmpint(action->order.order, ==, ELECT_ORDER_ANNOUNCE);
                node->announcements++;
        }
        return 0;
}

static void perform(Pair *pair, int i, const ElectActions *actions)
{
        PairNode *node = &pair->node[i], *peer = &pair->node[1 - i];
        ElectEvent event = {};

        g_assert_false(actions->overflow);
        for (size_t k = 0; k < actions->n; k++) {
                const ElectAction *action = &actions->action[k];

                switch (action->type) {
                case ELECT_ACT_SAVE:
                        if (node->disk_slow)
                                break;
                        node->disk = action->save.memory;
                        node->disk_status = ELECT_MEMORY_GOOD;
                        event = (ElectEvent){ .type = ELECT_EV_SAVED, .saved = action->save.number };
                        enqueue(pair, i, &event, STEP_USEC);
                        break;
                case ELECT_ACT_PUBLISH:
                        node->record = action->record;
                        node->has_record = true;
                        if (!node->aged && peer->hears && peer->running) {
                                event = (ElectEvent){ .type = ELECT_EV_RECORD };
                                event.record.record = node->record;
                                enqueue(pair, 1 - i, &event, STEP_USEC);
                        }
                        break;
                case ELECT_ACT_SEND:
                        if (peer->hears && peer->running) {
                                event = (ElectEvent){ .type = ELECT_EV_MESSAGE, .message = action->message };
                                enqueue(pair, 1 - i, &event, STEP_USEC);
                        }
                        break;
                case ELECT_ACT_ORDER:
                        event = (ElectEvent){ .type = ELECT_EV_ORDER_DONE };
                        event.done.order = action->order.order;
                        event.done.id = action->order.id;
                        event.done.error = do_order(pair, node, action);
                        enqueue(pair, i, &event, STEP_USEC);
                        break;
                case ELECT_ACT_PROBE:
                        node->probing = action->probe;
                        event = (ElectEvent){ .type = ELECT_EV_PROBING };
                        if (action->probe)
                                enqueue(pair, i, &event, STEP_USEC);
                        break;
                case ELECT_ACT_TIMER:
                        node->timer_usec = action->timer_usec;
                        break;
                case ELECT_ACT_DECISION:
                        node->last_reason = action->decision.reason;
                        break;
                case ELECT_ACT_REPLY:
                        node->reply = action->reply.result;
                        node->replied = action->reply.token;
                        break;
                case ELECT_ACT_STOPPED:
                        node->stopped++;
                        node->running = false;
                        break;
                case ELECT_ACT_FENCE_ANSWER:
                case ELECT_ACT_REBOOT:
                case ELECT_ACT_MAX:
                        g_assert_not_reached();
                }
        }
}

void pair_give(Pair *pair, int i, const ElectEvent *event)
{
        ElectActions actions;

        if (!pair->node[i].running)
                return;
        elect_step(&pair->node[i].core, pair->now_usec, event, &actions);
        perform(pair, i, &actions);
}

static void boot_id(const PairNode *node, int i, uint8_t ret[ELECT_BOOT_ID_SIZE])
{
        memset(ret, 0, ELECT_BOOT_ID_SIZE);
        ret[0] = (uint8_t) (1 + i);
        ret[1] = (uint8_t) node->boots;
}

static void tell_peer(Pair *pair, int i, ElectPeerState state)
{
        PairNode *node = &pair->node[i], *peer = &pair->node[1 - i];
        ElectEvent event = { .type = ELECT_EV_PEER };
        bool heard = state == ELECT_PEER_ONLINE && node->told != ELECT_PEER_ONLINE;

        node->told = state;
        event.peer.state = state;
        if (node->last_heard_usec != 0)
                boot_id(peer, 1 - i, event.peer.boot_id);
        pair_give(pair, i, &event);
        if (heard && peer->has_record) {
                event = (ElectEvent){ .type = ELECT_EV_RECORD };
                event.record.record = peer->record;
                event.record.aged = peer->aged;
                pair_give(pair, i, &event);
        }
}

void pair_start(Pair *pair, int i)
{
        PairNode *node = &pair->node[i];
        ElectStart start = { .now_usec = pair->now_usec, .status = node->disk_status, .memory = node->disk };
        ElectActions actions;
        ElectEvent event = { .type = ELECT_EV_SETTINGS, .settings = node->settings };

        node->running = true;
        node->life++;
        node->timer_usec = USEC_INFINITY;
        node->probing = false;
        node->told = ELECT_PEER_UNKNOWN;
        start.instance = (uint32_t) (1000 * (i + 1)) + node->life;
        boot_id(node, i, start.boot_id);
        elect_init(&node->core, &start, &actions);
        perform(pair, i, &actions);
        pair_give(pair, i, &event);
        tell_addresses(pair, i);
        pair_link(pair, i, ELECT_GOOD);
        tell_peer(pair, i, ELECT_PEER_UNKNOWN);
}

void pair_boot(Pair *pair, int i)
{
        PairNode *node = &pair->node[i];

        node->boots++;
        node->booted = node->hears = node->vipd = true;
        node->has_record = false;
        node->last_heard_usec = 0;
        pair_start(pair, i);
}

void pair_kill(Pair *pair, int i)
{
        pair->node[i].running = false;
}

void pair_crash(Pair *pair, int i)
{
        pair_kill(pair, i);
        pair->node[i].booted = pair->node[i].holds = false;
        pair->node[i].has_record = false;
        pair->node[i].vipd_epoch = 0;
}

void pair_init(Pair *pair)
{
        memset(pair, 0, sizeof(*pair));
        pair->now_usec = USEC_PER_SEC;
        pair->lan = true;
        for (int i = 0; i < 2; i++) {
                PairNode *node = &pair->node[i];
                node->settings = (ElectSettings){
                        .active = true,
                        .configured = i == 0 ? ELECT_ROLE_MASTER : ELECT_ROLE_SLAVE,
                        .dead_usec = PAIR_DEAD_USEC,
                        .failover_link_down = true,
                        .auto_failback = true,
                        .failback_delay_usec = 5 * USEC_PER_SEC,
                };
                (i == 0 ? elect_memory_founder : elect_memory_joined)(&node->disk);
        }
}

static void heartbeats(Pair *pair, int i)
{
        PairNode *node = &pair->node[i], *peer = &pair->node[1 - i];
        uint64_t heard = node->last_heard_usec, silent;

        if (node->hears && peer->booted && pair->now_usec % BEAT_USEC == 0)
                node->last_heard_usec = pair->now_usec;
        if (!node->running || node->hbd_dead)
                return;

        silent = pair->now_usec - node->last_heard_usec;
        if (node->last_heard_usec == 0)
                silent = pair->now_usec - node->core.start_usec;
        if (node->last_heard_usec != 0 && silent < PAIR_DEAD_USEC / 2) {
                if (node->told != ELECT_PEER_ONLINE || heard == 0)
                        tell_peer(pair, i, ELECT_PEER_ONLINE);
        } else if (silent >= PAIR_DEAD_USEC) {
                if (node->told != ELECT_PEER_LOST)
                        tell_peer(pair, i, ELECT_PEER_LOST);
        } else if (node->last_heard_usec != 0 && node->told != ELECT_PEER_LATE)
                tell_peer(pair, i, ELECT_PEER_LATE);
}

static void arp(Pair *pair, int i)
{
        ElectEvent event = { .type = ELECT_EV_ANSWERED };

        if (!pair->node[i].probing || !pair->lan || !pair->node[1 - i].holds || !pair->node[1 - i].booted)
                return;
        memset(event.answer.mac, 0xa0 + (1 - i), ELECT_MAC_SIZE);
        event.answer.present = true;
        pair_give(pair, i, &event);
}

static void deliver(Pair *pair)
{
        for (;;) {
                size_t best = PAIR_QUEUE_MAX;

                for (size_t k = 0; k < pair->n_queue; k++)
                        if (pair->queue[k].when_usec <= pair->now_usec &&
                            (best == PAIR_QUEUE_MAX || pair->queue[k].order < pair->queue[best].order))
                                best = k;
                if (best == PAIR_QUEUE_MAX)
                        return;

                PairEvent due = pair->queue[best];
                pair->queue[best] = pair->queue[--pair->n_queue];
                if (due.life == pair->node[due.node].life)
                        pair_give(pair, due.node, &due.event);
        }
}

static void watch(Pair *pair)
{
        bool both = pair->node[0].holds && pair->node[1].holds && pair->lan;

        if (!both) {
                pair->both_since_usec = 0;
                return;
        }
        pair->both_held = true;
        if (pair->both_since_usec == 0)
                pair->both_since_usec = pair->now_usec;
        pair->both_longest_usec = MAX_OF(pair->both_longest_usec, pair->now_usec - pair->both_since_usec);
}

void pair_run(Pair *pair, uint64_t usec)
{
        uint64_t end = pair->now_usec + usec;

        while (pair->now_usec < end) {
                pair->now_usec += STEP_USEC;
                deliver(pair);
                for (int i = 0; i < 2; i++) {
                        PairNode *node = &pair->node[i];

                        heartbeats(pair, i);
                        arp(pair, i);
                        if (node->running && pair->now_usec >= node->timer_usec) {
                                node->timer_usec = USEC_INFINITY;
                                pair_give(pair, i, &(ElectEvent){ .type = ELECT_EV_TIMER });
                        }
                }
                watch(pair);
        }
}

void pair_request(Pair *pair, int i, ElectRequest request)
{
        ElectEvent event = { .type = ELECT_EV_REQUEST };

        pair->node[i].replied = 0;
        event.request.request = request;
        event.request.token = ++pair->orders;
        pair_give(pair, i, &event);
}

void pair_link(Pair *pair, int i, ElectVerdict link)
{
        pair_give(pair, i, &(ElectEvent){ .type = ELECT_EV_LINK, .link = link });
}

int pair_master(const Pair *pair)
{
        bool zero = pair->node[0].holds, one = pair->node[1].holds;

        if (zero && one)
                return 2;
        return zero ? 0 : one ? 1 : -1;
}
