/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pair with a volume, one node at a time: who may promote, release, hand over, leave. The simulation plays
 * whole faults; here each sentence of the election chapter is held alone.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "elect-node.h"

/* The guide's scenario must end in waiting. */
static void test_alone_without_proof_waits(void)
{
        Node node;

        node_started(&node, ELECT_ROLE_MASTER, false);
        node_peer(&node, ELECT_PEER_LOST);
        node_wait(&node, USEC_PER_MINUTE);
        g_assert_cmpint(node.core.state, ==, ELECT_WAIT_PEER);
        g_assert_cmpuint(node.orders[ELECT_ORDER_PRIMARY], ==, 0);
}

static void test_alone_with_sole_listens_then_serves(void)
{
        Node node;

        node_started(&node, ELECT_ROLE_SLAVE, true);
        /* heard as a standby it served at once; alone it would have listened first */
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
        g_assert_cmpint(node.core.reason, ==, ELECT_REASON_SOLE);
        g_assert_cmpuint(node.orders[ELECT_ORDER_DISCONNECT], ==, 1);
        g_assert_cmpuint(node.orders[ELECT_ORDER_PRIMARY], ==, 1);
}

static void with_a_broken_service(Node *node)
{
        ElectEvent event = { .type = ELECT_EV_SETTINGS, .settings = node->core.settings };

        event.settings.services = true;
        node->failing[ELECT_ORDER_START] = -EIO;
        node_give(node, &event);
}

/* One broken service must not keep everything else from the only node that is left. */
static void test_alone_a_service_that_will_not_start_is_gone_without(void)
{
        Node node;

        node_eligible_slave(&node, ELECT_ROLE_SLAVE);
        with_a_broken_service(&node);
        node_silent_peer(&node);
        node_wait(&node, USEC_PER_SEC);
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
        g_assert_cmpuint(node.orders[ELECT_ORDER_START], ==, 1);
        g_assert_cmpuint(node.orders[ELECT_ORDER_ACQUIRE], ==, 1);
        g_assert_cmpuint(node.orders[ELECT_ORDER_STOP], ==, 0);
}

static void test_eligibility_is_cleared_at_boot(void)
{
        ElectStart start = { .now_usec = 1, .instance = NODE_INSTANCE, .boot_id = { 5 } };
        ElectActions actions;
        ElectCore core;

        start.memory.elig = true;
        start.memory.boot_id[0] = 4;
        elect_init(&core, &start, &actions);
        g_assert_false(core.memory.elig);
        start.memory.boot_id[0] = 5;
        elect_init(&core, &start, &actions);
        g_assert_true(core.memory.elig);
}

static void test_isolated_gives_up_when_the_peer_holds_the_right(void)
{
        Node node;

        node_whole_master(&node);
        node_dropped(&node);
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_FENCE_ASKED });
        node.peer.sole = true;
        node.peer.role = ELECT_ROLE_MASTER;
        node.peer.state = ELECT_MASTER;
        node_record(&node);
        g_assert_cmpint(node.core.state, !=, ELECT_ISOLATED);
        g_assert_cmpuint(node.orders[ELECT_ORDER_WITHDRAW], >=, 1);
        g_assert_cmpuint(node.orders[ELECT_ORDER_SECONDARY], ==, 1);
        g_assert_false(node.core.memory.elig);
        g_assert_cmpint(node.fence_answer, ==, 6);
}

/* 20: thawed, it still believes itself connected to the one that took over */
static void test_half_open_master_goes_when_it_hears_the_one_with_the_right(void)
{
        Node node;

        node_whole_master(&node);
        memset(node.orders, 0, sizeof(node.orders));
        node.peer.sole = true;
        node.peer.role = ELECT_ROLE_MASTER;
        node.peer.state = ELECT_MASTER;
        node.peer.epoch = node.core.epoch + 1;
        node_record(&node);
        g_assert_cmpuint(node.orders[ELECT_ORDER_DISCONNECT], ==, 1);
        g_assert_cmpuint(node.orders[ELECT_ORDER_WITHDRAW], ==, 1);
        g_assert_cmpuint(node.orders[ELECT_ORDER_SECONDARY], ==, 1);
        g_assert_false(node.disk.elig);
        g_assert_cmpint(node.core.role, !=, ELECT_ROLE_MASTER);
}

static void test_eligible_is_told_after_sole_is_released(void)
{
        Node node;

        node_started(&node, ELECT_ROLE_MASTER, true);
        node.volume.primary = true;
        node.peer.state = ELECT_SLAVE;
        node.peer.up_to_date = true;
        node.disk_works = false;
        node_connected(&node);
        g_assert_false(node.core.memory.sole);
        g_assert_true(node.core.durable.sole);
        g_assert_cmpuint(node.counts[ELECT_MSG_ELIGIBLE], ==, 0);
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_SAVED, .saved = node.core.save_number });
        g_assert_cmpuint(node.counts[ELECT_MSG_ELIGIBLE], ==, 1);
}

static void test_handover_names_session_and_nonce(void)
{
        Node node;

        node_eligible_slave(&node, ELECT_ROLE_SLAVE);
        node_give(&node,
                  &(ElectEvent){ .type = ELECT_EV_REQUEST, .request = { ELECT_REQUEST_MAKE_MASTER, 1 } });
        g_assert_cmpuint(node.counts[ELECT_MSG_PREQ], ==, 1);
        node.volume.peer_primary = false;
        node_volume(&node);
        node_message(&node, ELECT_MSG_HANDOVER, node.core.preq.nonce, node_session(&node) + 1);
        node_message(&node, ELECT_MSG_HANDOVER, node.core.preq.nonce + 1, node_session(&node));
        g_assert_cmpint(node.core.state, ==, ELECT_SLAVE);
        node_message(&node, ELECT_MSG_HANDOVER, node.core.preq.nonce, node_session(&node));
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
        g_assert_false(node.disk.sole);
}

static void test_standbys_answer_never_raises_its_own_eligibility(void)
{
        Node node;

        node_started(&node, ELECT_ROLE_SLAVE, false);
        node.peer.able = true;
        node_connected(&node);
        g_assert_false(node.core.memory.elig);
        node_message(&node, ELECT_MSG_PREQ, 5, node_session(&node));
        g_assert_cmpuint(node.counts[ELECT_MSG_HANDOVER], ==, 1);
        g_assert_false(node.core.memory.elig);
        g_assert_false(node.core.offer);
}

static void test_clean_leaver_freezes_nobody(void)
{
        Node node;

        node_whole_master(&node);
        node.disk_works = false;
        node_message(&node, ELECT_MSG_LEAVING, 5, node_session(&node));
        g_assert_cmpuint(node.counts[ELECT_MSG_LEAVING_ACK], ==, 0);
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_SAVED, .saved = node.core.save_number });
        g_assert_cmpuint(node.counts[ELECT_MSG_LEAVING_ACK], ==, 1);
        node.disk_works = true;
        node_dropped(&node);
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
}

static void test_leaving_slave_answers_nothing_and_waits_for_the_acknowledgement(void)
{
        Node node;

        node_eligible_slave(&node, ELECT_ROLE_SLAVE);
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_STOP });
        g_assert_cmpuint(node.counts[ELECT_MSG_LEAVING], ==, 1);
        g_assert_false(node.disk.elig);
        node_message(&node, ELECT_MSG_PREQ, 5, node_session(&node));
        node_message(&node, ELECT_MSG_ELIGIBLE, 5, node_session(&node));
        g_assert_cmpuint(node.counts[ELECT_MSG_HANDOVER], ==, 0);
        g_assert_false(node.core.memory.elig);
        g_assert_false(node.stopped);
        node_message(&node, ELECT_MSG_LEAVING_ACK, node.sent[ELECT_MSG_LEAVING].nonce, node_session(&node));
        g_assert_true(node.stopped);
        g_assert_cmpuint(node.orders[ELECT_ORDER_LEAVE], ==, 1);
}

/* 10, 11 */
static void test_lost_memory_is_unknown_until_connected_and_up_to_date(void)
{
        ElectStart start = { .now_usec = USEC_PER_SEC,
                             .instance = NODE_INSTANCE,
                             .status = ELECT_MEMORY_LOST };
        ElectEvent event = { .type = ELECT_EV_SETTINGS };
        ElectActions actions;
        Node node = { .now_usec = USEC_PER_SEC, .disk_works = true };

        elect_init(&node.core, &start, &actions);
        event.settings = (ElectSettings){
                .active = true, .configured = ELECT_ROLE_MASTER, .volume = true, .dead_usec = NODE_DEAD_USEC
        };
        node_give(&node, &event);
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_ADDRESSES, .addresses = { .usable = true } });
        node.volume = (ElectVolume){ .known = true, .disk = ELECT_DISK_UP_TO_DATE };
        node_volume(&node);
        node_peer(&node, ELECT_PEER_ONLINE);
        node.peer.state = ELECT_WAIT_PEER;
        node_record(&node);
        g_assert_cmpint(node.core.state, ==, ELECT_FAULT);
        node_message(&node, ELECT_MSG_OUTDATE, 5, 0);
        g_assert_cmpuint(node.counts[ELECT_MSG_OUTDATED], ==, 0);

        node.volume.connected = true;
        node.volume.peer_disk = ELECT_DISK_UP_TO_DATE;
        node_volume(&node);
        g_assert_cmpint(node.core.state, ==, ELECT_WAIT_PEER);
        g_assert_false(node.disk.sole);
}

static void test_split_brain_keeps_one_side_and_discards_nothing(void)
{
        for (int i = 0; i < 2; i++) {
                Node node;

                node_whole_master(&node);
                node.core.settings.configured = i == 0 ? ELECT_ROLE_MASTER : ELECT_ROLE_SLAVE;
                node.volume.split_brain = true;
                node_volume(&node);
                g_assert_cmpint(node.core.state, ==, i == 0 ? ELECT_MASTER : ELECT_FAULT);
                node_give(&node, &(ElectEvent){ .type = ELECT_EV_REQUEST,
                                                .request = { ELECT_REQUEST_MAKE_SLAVE, 1 } });
                g_assert_cmpuint(node.core.operator.token, ==, 0);
        }
}

#define TEST(name) g_test_add_func("/elect-volume/" #name, test_##name)

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        TEST(alone_without_proof_waits);
        TEST(alone_with_sole_listens_then_serves);
        TEST(alone_a_service_that_will_not_start_is_gone_without);
        TEST(eligibility_is_cleared_at_boot);
        TEST(isolated_gives_up_when_the_peer_holds_the_right);
        TEST(half_open_master_goes_when_it_hears_the_one_with_the_right);
        TEST(eligible_is_told_after_sole_is_released);
        TEST(handover_names_session_and_nonce);
        TEST(standbys_answer_never_raises_its_own_eligibility);
        TEST(clean_leaver_freezes_nobody);
        TEST(leaving_slave_answers_nothing_and_waits_for_the_acknowledgement);
        TEST(lost_memory_is_unknown_until_connected_and_up_to_date);
        TEST(split_brain_keeps_one_side_and_discards_nothing);
        return g_test_run();
}
