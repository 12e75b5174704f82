/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A split brain and its resolution, as one node sees it.
 */
#include <glib.h>

#include "elect-node.h"

static ElectMessage from_peer(ElectMessageType type)
{
        return (ElectMessage){ .type = type, .instance = NODE_PEER, .to_instance = NODE_INSTANCE };
}

static void give_message(Node *node, ElectMessage message)
{
        ElectEvent event = { .type = ELECT_EV_MESSAGE };

        event.message = message;
        node_give(node, &event);
}

/* Both wrote alone; the peer serves, or not. */
static void split(Node *node, ElectRole configured, bool peer_serves)
{
        node_started(node, configured, true);
        g_assert_cmpint(node->core.state, ==, ELECT_MASTER);
        node->volume.primary = node->volume.wrote_alone = node->volume.split_brain = true;
        node->volume.out_of_sync_kib = 12;
        node->peer.sole = peer_serves;
        node->peer.role = peer_serves ? ELECT_ROLE_MASTER : ELECT_ROLE_NONE;
        node->peer.state = peer_serves ? ELECT_MASTER : ELECT_FAULT;
        node_record(node);
        node_volume(node);
}

static void keep(Node *node, ElectRequest request)
{
        node_give(node, &(ElectEvent){ .type = ELECT_EV_REQUEST, .request = { request, 1 } });
}

static void test_histories_are_told(void)
{
        ElectMessage history = from_peer(ELECT_MSG_HISTORY);
        uint8_t bytes[ELECT_MESSAGE_SIZE_MAX];
        ElectMessage back;
        Node node;

        split(&node, ELECT_ROLE_MASTER, false);
        g_assert_cmpuint(node.counts[ELECT_MSG_HISTORY], ==, 1);
        g_assert_cmpuint(node.sent[ELECT_MSG_HISTORY].history.written_kib, ==, 12);
        g_assert_true(node.sent[ELECT_MSG_HISTORY].history.split);
        node.peer.seq++;
        node_wait(&node, 3 * USEC_PER_SEC);
        g_assert_cmpuint(node.counts[ELECT_MSG_HISTORY], ==, 2);

        history.history =
                        (ElectHistory){ .split = true, .since_usec = 5, .written_kib = 6, .generation = 7 };
        size_t size = elect_message_encode(&history, bytes);
        g_assert_cmpint(elect_message_decode(bytes, size, &back), ==, 0);
        give_message(&node, back);
        g_assert_cmpuint(node.core.peer_history.since_usec, ==, 5);
        g_assert_cmpuint(node.core.peer_history.written_kib, ==, 6);
        g_assert_cmpuint(node.core.peer_history.generation, ==, 7);
}

static void test_side_that_only_hears_of_the_split_steps_back_too(void)
{
        ElectMessage history = from_peer(ELECT_MSG_HISTORY);
        Node node;

        split(&node, ELECT_ROLE_SLAVE, true);
        node.core.state = ELECT_MASTER; /* had its kernel not said so */
        node.volume.split_brain = false;
        node_volume(&node);
        history.history.split = true;
        give_message(&node, history);
        g_assert_cmpint(node.core.state, ==, ELECT_FAULT);
        g_assert_cmpuint(node.orders[ELECT_ORDER_DISCARD], ==, 0);
}

static void test_kept_side_connects_only_when_both_know(void)
{
        ElectMessage yes = from_peer(ELECT_MSG_RESOLVED);
        Node node;

        split(&node, ELECT_ROLE_MASTER, false);
        keep(&node, ELECT_REQUEST_KEEP_MASTER);
        g_assert_cmpuint(node.counts[ELECT_MSG_RESOLVE], ==, 1);
        g_assert_cmpint(node.sent[ELECT_MSG_RESOLVE].keep, ==, ELECT_ROLE_MASTER);
        g_assert_cmpuint(node.orders[ELECT_ORDER_CONNECT], ==, 0);
        yes.nonce = node.core.resolve.nonce + 1;
        give_message(&node, yes);
        g_assert_cmpuint(node.orders[ELECT_ORDER_CONNECT], ==, 0);
        yes.nonce--;
        give_message(&node, yes);
        g_assert_cmpuint(node.orders[ELECT_ORDER_CONNECT], ==, 1);
        g_assert_cmpuint(node.orders[ELECT_ORDER_DISCARD], ==, 0);
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
        g_assert_cmpuint(node.core.operator.token, ==, 1);

        node.volume.split_brain = false;
        node_connected(&node);
        g_assert_cmpuint(node.core.operator.token, ==, 0);
        g_assert_cmpint(node.core.resolve.keep, ==, ELECT_ROLE_NONE);
}

static void test_discarding_master_demotes_and_gives_its_right_up_first(void)
{
        ElectMessage resolve = from_peer(ELECT_MSG_RESOLVE);
        Node node;

        split(&node, ELECT_ROLE_MASTER, false);
        resolve.keep = ELECT_ROLE_SLAVE;
        resolve.nonce = 5;
        node.disk_works = false;
        give_message(&node, resolve);
        g_assert_cmpuint(node.counts[ELECT_MSG_RESOLVED], ==, 1);
        g_assert_cmpuint(node.orders[ELECT_ORDER_SECONDARY], ==, 1);
        g_assert_cmpuint(node.orders[ELECT_ORDER_DISCARD], ==, 0);
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_SAVED, .saved = node.core.save_number });
        g_assert_cmpuint(node.orders[ELECT_ORDER_DISCARD], ==, 1);
        g_assert_false(node.core.durable.sole);
}

static void test_failed_snapshot_discards_nothing_and_is_told_to_who_asked(void)
{
        ElectMessage resolve = from_peer(ELECT_MSG_RESOLVE), no = from_peer(ELECT_MSG_REFUSED);
        Node node;

        split(&node, ELECT_ROLE_SLAVE, true);
        node.failing[ELECT_ORDER_DISCARD] = -EPERM;
        resolve.keep = ELECT_ROLE_MASTER;
        resolve.nonce = 5;
        give_message(&node, resolve);
        g_assert_cmpuint(node.orders[ELECT_ORDER_DISCARD], ==, 1);
        g_assert_cmpint(node.sent[ELECT_MSG_REFUSED].result, ==, ELECT_REFUSED_SNAPSHOT);
        g_assert_cmpuint(node.sent[ELECT_MSG_REFUSED].nonce, ==, 5);

        split(&node, ELECT_ROLE_SLAVE, true);
        node.failing[ELECT_ORDER_DISCARD] = -EIO;
        give_message(&node, resolve);
        g_assert_cmpint(node.sent[ELECT_MSG_REFUSED].result, ==, ELECT_FAILED_ORDER);
        g_assert_cmpuint(node.sent[ELECT_MSG_REFUSED].nonce, ==, 5);
        g_assert_cmpint(node.core.resolve.keep, ==, ELECT_ROLE_NONE);

        split(&node, ELECT_ROLE_MASTER, false);
        keep(&node, ELECT_REQUEST_KEEP_MASTER);
        no.nonce = node.core.resolve.nonce;
        no.result = ELECT_REFUSED_SNAPSHOT;
        give_message(&node, no);
        g_assert_cmpint(node.result, ==, ELECT_REFUSED_SNAPSHOT);
}

static void test_without_a_split_or_without_the_peer_nothing_is_resolved(void)
{
        ElectMessage resolve = from_peer(ELECT_MSG_RESOLVE);
        Node node;

        node_started(&node, ELECT_ROLE_MASTER, true);
        keep(&node, ELECT_REQUEST_KEEP_MASTER);
        g_assert_cmpint(node.result, ==, ELECT_REFUSED_STATE);
        resolve.keep = ELECT_ROLE_SLAVE;
        give_message(&node, resolve);
        g_assert_cmpint(node.sent[ELECT_MSG_REFUSED].result, ==, ELECT_REFUSED_STATE);
        g_assert_cmpuint(node.orders[ELECT_ORDER_DISCARD], ==, 0);

        split(&node, ELECT_ROLE_MASTER, false);
        node_peer(&node, ELECT_PEER_LOST);
        keep(&node, ELECT_REQUEST_KEEP_SLAVE);
        g_assert_cmpint(node.result, ==, ELECT_REFUSED_PEER);
}

/* The one that served is discarded: the kept one serves while the other's snapshot is still being made. */
static void test_kept_side_that_waited_serves(void)
{
        ElectMessage resolve = from_peer(ELECT_MSG_RESOLVE);
        Node node;

        split(&node, ELECT_ROLE_SLAVE, true);
        g_assert_cmpint(node.core.state, ==, ELECT_FAULT);
        resolve.keep = ELECT_ROLE_SLAVE;
        resolve.nonce = 5;
        give_message(&node, resolve);
        g_assert_cmpuint(node.orders[ELECT_ORDER_CONNECT], ==, 1);
        node.volume.primary = false;
        node_volume(&node);
        node.peer.sole = false;
        node.peer.role = ELECT_ROLE_NONE;
        node.peer.state = ELECT_FAULT;
        node_record(&node);
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
}

#define TEST(name) g_test_add_func("/elect-split/" #name, test_##name)

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        TEST(histories_are_told);
        TEST(side_that_only_hears_of_the_split_steps_back_too);
        TEST(kept_side_connects_only_when_both_know);
        TEST(discarding_master_demotes_and_gives_its_right_up_first);
        TEST(failed_snapshot_discards_nothing_and_is_told_to_who_asked);
        TEST(without_a_split_or_without_the_peer_nothing_is_resolved);
        TEST(kept_side_that_waited_serves);
        return g_test_run();
}
