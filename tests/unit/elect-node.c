/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elect-node.h"

#include <glib.h>

static void perform(Node *node, const ElectAction *action)
{
        ElectEvent event = {};

        switch (action->type) {
        case ELECT_ACT_SAVE:
                if (!node->disk_works)
                        break;
                node->disk = action->save.memory;
                event = (ElectEvent){ .type = ELECT_EV_SAVED, .saved = action->save.number };
                node_give(node, &event);
                break;
        case ELECT_ACT_SEND:
                node->sent[action->message.type] = action->message;
                node->counts[action->message.type]++;
                break;
        case ELECT_ACT_ORDER:
                node->orders[action->order.order]++;
                event.type = ELECT_EV_ORDER_DONE;
                event.done.order = action->order.order;
                event.done.id = action->order.id;
                event.done.error = node->failing[action->order.order];
                if (action->order.order == ELECT_ORDER_PRIMARY)
                        node->forced = action->order.force;
                if (node->holds_orders)
                        break;
                if (action->order.order == ELECT_ORDER_RESUME)
                        node_thawed(node);
                node_give(node, &event);
                break;
        case ELECT_ACT_FENCE_ANSWER:
                node->fence_answer = action->fence_answer;
                if (node->fence_answer == ELECT_FENCE_GO_ON && !node->thaws_late)
                        node_thawed(node);
                break;
        case ELECT_ACT_REBOOT:
                node->rebooted = true;
                break;
        case ELECT_ACT_STOPPED:
                node->stopped = true;
                break;
        case ELECT_ACT_PROBE:
                if (action->probe)
                        node_give(node, &(ElectEvent){ .type = ELECT_EV_PROBING });
                break;
        case ELECT_ACT_PUBLISH:
        case ELECT_ACT_TIMER:
        case ELECT_ACT_DECISION:
                break;
        case ELECT_ACT_REPLY:
                node->result = action->reply.result;
                break;
        case ELECT_ACT_MAX:
                break;
        }
}

void node_give(Node *node, const ElectEvent *event)
{
        ElectActions actions;

        elect_step(&node->core, node->now_usec, event, &actions);
        g_assert_false(actions.overflow);
        for (size_t i = 0; i < actions.n; i++)
                perform(node, &actions.action[i]);
}

void node_wait(Node *node, uint64_t usec)
{
        uint64_t end = node->now_usec + usec;

        while (node->now_usec < end) {
                node->now_usec += 10 * USEC_PER_MSEC;
                if (node->core.timer_usec <= node->now_usec)
                        node_give(node, &(ElectEvent){ .type = ELECT_EV_TIMER });
        }
}

void node_volume(Node *node)
{
        node_give(node, &(ElectEvent){ .type = ELECT_EV_VOLUME, .volume = node->volume });
}

void node_peer(Node *node, ElectPeerState state)
{
        ElectEvent event = { .type = ELECT_EV_PEER };

        event.peer.state = state;
        event.peer.boot_id[0] = 9;
        node_give(node, &event);
}

void node_record(Node *node)
{
        ElectEvent event = { .type = ELECT_EV_RECORD };

        node->peer.instance = NODE_PEER;
        node->peer.echo_instance = NODE_INSTANCE;
        node->peer.volume = true;
        event.record.record = node->peer;
        node_give(node, &event);
}

void node_message(Node *node, ElectMessageType type, uint64_t nonce, uint64_t session)
{
        ElectEvent event = { .type = ELECT_EV_MESSAGE };

        event.message = (ElectMessage){
                .type = type,
                .nonce = nonce,
                .session = session,
                .instance = NODE_PEER,
                .to_instance = NODE_INSTANCE,
                .epoch = node->core.epoch + 1,
                .up_to_date = true,
                .reason = ELECT_REASON_OPERATOR,
        };
        node_give(node, &event);
}

void node_started(Node *node, ElectRole configured, bool sole)
{
        ElectStart start = { .now_usec = USEC_PER_SEC, .instance = NODE_INSTANCE, .boot_id = { 5 } };
        ElectActions actions;
        ElectEvent event = { .type = ELECT_EV_SETTINGS };

        *node = (Node){ .now_usec = USEC_PER_SEC, .disk_works = true };
        start.memory.sole = sole;
        elect_init(&node->core, &start, &actions);
        event.settings = (ElectSettings){
                .active = true, .configured = configured, .volume = true, .dead_usec = NODE_DEAD_USEC
        };
        node_give(node, &event);
        node_give(node, &(ElectEvent){ .type = ELECT_EV_ADDRESSES, .addresses = { .usable = true } });
        node_give(node, &(ElectEvent){ .type = ELECT_EV_LINK, .link = ELECT_GOOD });
        node_give(node, &(ElectEvent){ .type = ELECT_EV_GATEWAY, .gateway = ELECT_GOOD });
        node->volume = (ElectVolume){ .known = true, .disk = ELECT_DISK_UP_TO_DATE };
        node_volume(node);
        node_peer(node, ELECT_PEER_ONLINE);
        node->peer.state = ELECT_WAIT_PEER;
        node->peer.configured = configured == ELECT_ROLE_MASTER ? ELECT_ROLE_SLAVE : ELECT_ROLE_MASTER;
        node_record(node);
}

uint64_t node_session(const Node *node)
{
        return node->core.my_session + 1000;
}

void node_connected(Node *node)
{
        node->volume.connected = true;
        node->volume.connection++;
        node->volume.peer_disk = ELECT_DISK_UP_TO_DATE;
        node_volume(node);
        node->peer.connected = true;
        node_record(node);
        node_message(node, ELECT_MSG_SESSION, node->core.my_session, 1000);
        g_assert_true(node->core.in_session);
}

/* The kernel's I/O goes on. */
void node_thawed(Node *node)
{
        node->volume.frozen = false;
        node_volume(node);
}

void node_dropped(Node *node)
{
        node->volume.connected = false;
        node->volume.peer_disk = ELECT_DISK_UNKNOWN;
        node->volume.peer_primary = false;
        node->volume.frozen = node->volume.primary && !node->core.memory.sole;
        node_volume(node);
        node->peer.connected = false;
        node_record(node);
}

void node_eligible_slave(Node *node, ElectRole configured)
{
        node_started(node, configured, false);
        node->peer.role = ELECT_ROLE_MASTER;
        node->peer.state = ELECT_MASTER;
        node->peer.epoch = 3;
        node->volume.peer_primary = true;
        node_connected(node);
        node_message(node, ELECT_MSG_ELIGIBLE, 1, node_session(node));
        g_assert_cmpint(node->core.state, ==, ELECT_SLAVE);
        g_assert_true(node->core.memory.elig);
}

void node_whole_master(Node *node)
{
        node_started(node, ELECT_ROLE_MASTER, true);
        node->volume.peer_disk = ELECT_DISK_UP_TO_DATE;
        g_assert_cmpint(node->core.state, ==, ELECT_MASTER); /* own sole, the peer stands by */
        node->volume.primary = true;
        node->peer.state = ELECT_SLAVE;
        node->peer.role = ELECT_ROLE_SLAVE;
        node->peer.up_to_date = true;
        node->peer.able = true;
        node_connected(node);
        g_assert_false(node->core.memory.sole);
        node->peer.elig = true;
        node_record(node);
}

void node_silent_peer(Node *node)
{
        node_wait(node, NODE_DEAD_USEC); /* the carrier is no news any more */
        node_dropped(node);
        node_peer(node, ELECT_PEER_LATE);
        node_wait(node, NODE_DEAD_USEC / 2);
        node_peer(node, ELECT_PEER_LOST);
}
