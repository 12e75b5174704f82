/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The right to be master alone, of a pair with a volume: consent and arbiter, each rule held alone.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "elect-node.h"

static void test_consent_is_durable_before_it_is_told(void)
{
        Node node;

        node_eligible_slave(&node, ELECT_ROLE_SLAVE);
        node_dropped(&node);
        node.disk_works = false;
        node_message(&node, ELECT_MSG_OUTDATE, 77, 0);
        g_assert_false(node.core.memory.elig);
        g_assert_cmpuint(node.counts[ELECT_MSG_OUTDATED], ==, 0);
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_SAVED, .saved = node.core.save_number });
        g_assert_cmpuint(node.counts[ELECT_MSG_OUTDATED], ==, 1);
        g_assert_cmpuint(node.sent[ELECT_MSG_OUTDATED].nonce, ==, 77);
}

static void test_half_open_link_is_dropped_and_consent_refused_this_time(void)
{
        Node node;

        node_eligible_slave(&node, ELECT_ROLE_SLAVE);
        node_message(&node, ELECT_MSG_OUTDATE, 77, 0);
        g_assert_cmpuint(node.counts[ELECT_MSG_OUTDATED], ==, 0);
        g_assert_cmpuint(node.counts[ELECT_MSG_REFUSED], ==, 1);
        g_assert_cmpuint(node.orders[ELECT_ORDER_DISCONNECT], ==, 1);
        g_assert_true(node.core.memory.elig);
}

static void test_sole_and_master_never_consent(void)
{
        Node node;

        node_whole_master(&node);
        node_dropped(&node);
        g_assert_cmpint(node.core.state, ==, ELECT_ISOLATED);
        node_message(&node, ELECT_MSG_OUTDATE, 77, 0);
        g_assert_cmpuint(node.counts[ELECT_MSG_OUTDATED], ==, 0);
        g_assert_cmpuint(node.counts[ELECT_MSG_REFUSED], ==, 1);
}

static void test_tie_goes_to_the_configured_master(void)
{
        for (int i = 0; i < 2; i++) {
                Node node;
                bool first = i == 0;

                node_started(&node, first ? ELECT_ROLE_MASTER : ELECT_ROLE_SLAVE, false);
                node_wait(&node, 3 * NODE_DEAD_USEC);
                g_assert_cmpuint(node.counts[ELECT_MSG_OUTDATE], >, 0);
                for (int k = 0; node.core.outdate.nonce == 0 && k < 100; k++)
                        node_wait(&node, 10 * USEC_PER_MSEC);
                node_message(&node, ELECT_MSG_OUTDATE, 77, 0);
                g_assert_cmpuint(node.counts[ELECT_MSG_OUTDATED], ==, first ? 0 : 1);
        }
}

static void test_only_the_present_nonce_gives_the_right(void)
{
        Node node;

        node_whole_master(&node);
        node_dropped(&node);
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_FENCE_ASKED });
        g_assert_cmpuint(node.counts[ELECT_MSG_OUTDATE], ==, 1);
        node_message(&node, ELECT_MSG_OUTDATED, node.sent[ELECT_MSG_OUTDATE].nonce + 1, 0);
        g_assert_false(node.core.memory.sole);
        node_message(&node, ELECT_MSG_OUTDATED, node.sent[ELECT_MSG_OUTDATE].nonce, 0);
        g_assert_true(node.core.memory.sole);
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
}

/* Each of the two begins a generation; after both, the peer's data are of another history: a split brain. */
static void test_frozen_disk_goes_on_by_the_handler_or_by_order_never_both(void)
{
        for (int i = 0; i < 2; i++) {
                bool asked = i == 0;
                Node node;

                node_whole_master(&node);
                node_dropped(&node);
                if (asked)
                        node_give(&node, &(ElectEvent){ .type = ELECT_EV_FENCE_ASKED });
                node_message(&node, ELECT_MSG_OUTDATED, node.sent[ELECT_MSG_OUTDATE].nonce, 0);
                g_assert_cmpint(node.core.state, ==, asked ? ELECT_MASTER : ELECT_ISOLATED);
                node_wait(&node, 20 * USEC_PER_SEC);
                g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
                g_assert_cmpuint(node.orders[ELECT_ORDER_RESUME], ==, asked ? 0 : 1);
                g_assert_cmpint(node.fence_answer, ==, asked ? ELECT_FENCE_GO_ON : 0);
        }
}

static void test_order_to_resume_waits_for_a_kernel_that_was_told_late(void)
{
        Node node;

        node_whole_master(&node);
        node_dropped(&node);
        node_message(&node, ELECT_MSG_OUTDATED, node.sent[ELECT_MSG_OUTDATE].nonce, 0);
        node_wait(&node, 4900 * USEC_PER_MSEC);
        node.thaws_late = true;
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_FENCE_ASKED });
        g_assert_cmpint(node.fence_answer, ==, ELECT_FENCE_GO_ON);
        node_wait(&node, USEC_PER_SEC);
        g_assert_cmpuint(node.orders[ELECT_ORDER_RESUME], ==, 0);
        node_thawed(&node);
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
        node_wait(&node, USEC_PER_MINUTE);
        g_assert_cmpuint(node.orders[ELECT_ORDER_RESUME], ==, 0);
}

/* Nothing was written alone yet: to yield costs nothing, to go on a split brain. */
static void test_right_is_given_up_when_the_peers_is_heard_before_the_disk_goes_on(void)
{
        Node node;

        node_whole_master(&node);
        node_dropped(&node);
        node_message(&node, ELECT_MSG_OUTDATED, node.sent[ELECT_MSG_OUTDATE].nonce, 0);
        g_assert_true(node.disk.sole);
        node.peer.sole = true;
        node.peer.role = ELECT_ROLE_MASTER;
        node.peer.state = ELECT_MASTER;
        node_record(&node);
        g_assert_false(node.disk.sole);
        node_wait(&node, USEC_PER_MINUTE);
        g_assert_cmpuint(node.orders[ELECT_ORDER_RESUME], ==, 0);
        g_assert_cmpuint(node.orders[ELECT_ORDER_SECONDARY], >=, 1);
}

static void test_operator_arbiter_lets_no_master_go_on_that_was_late(void)
{
        Node node;

        node_whole_master(&node);
        node.core.settings.arbiter = ELECT_ARBITER_OPERATOR;
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_LATE, .late_usec = USEC_PER_SEC });
        node_silent_peer(&node);
        node_wait(&node, USEC_PER_MINUTE);
        g_assert_cmpint(node.core.state, ==, ELECT_ISOLATED);
        g_assert_false(node.disk.sole);
        g_assert_true(node.core.withdrawn);
}

static void test_handler_waits_for_an_order_that_resumes(void)
{
        Node node;

        node_whole_master(&node);
        node_dropped(&node);
        node.holds_orders = true;
        node_message(&node, ELECT_MSG_OUTDATED, node.sent[ELECT_MSG_OUTDATE].nonce, 0);
        node_wait(&node, 20 * USEC_PER_SEC);
        g_assert_cmpuint(node.orders[ELECT_ORDER_RESUME], ==, 1);
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_FENCE_ASKED });
        g_assert_cmpint(node.fence_answer, ==, 0);
        node_thawed(&node);
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_ORDER_DONE,
                                        .done = { ELECT_ORDER_RESUME, node.core.plan.id, 0 } });
        g_assert_cmpint(node.fence_answer, ==, ELECT_FENCE_GO_ON);
}

static void test_master_with_the_right_does_not_stay_frozen(void)
{
        Node node;

        node_whole_master(&node);
        node.core.memory.sole = true;
        node_wait(&node, 0);
        node.volume.connected = false;
        node.volume.frozen = true;
        node_volume(&node);
        node_wait(&node, 20 * USEC_PER_SEC);
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
        g_assert_cmpuint(node.orders[ELECT_ORDER_RESUME], ==, 1);
}

static void test_frozen_disk_goes_on_only_after_the_fsync(void)
{
        Node node;

        node_whole_master(&node);
        node_dropped(&node);
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_FENCE_ASKED });
        node.disk_works = false;
        node_message(&node, ELECT_MSG_OUTDATED, node.sent[ELECT_MSG_OUTDATE].nonce, 0);
        node_wait(&node, NODE_DEAD_USEC);
        g_assert_cmpint(node.core.state, ==, ELECT_ISOLATED);
        g_assert_cmpuint(node.orders[ELECT_ORDER_RESUME], ==, 0);
        g_assert_cmpint(node.fence_answer, ==, 0);
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_SAVED, .saved = node.core.save_number });
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
        g_assert_cmpint(node.fence_answer, ==, 4);
}

static void test_evidence_needs_every_part(void)
{
        static const struct {
                ElectVerdict link, gateway;
                bool answers, elig, serves;
        } cases[] = {
                { ELECT_GOOD, ELECT_GOOD, false, true, true },
                { ELECT_GOOD, ELECT_VOID, false, true, true },
                { ELECT_GOOD, ELECT_UNKNOWN, false, true, false },
                { ELECT_GOOD, ELECT_BAD, false, true, false },
                { ELECT_BAD, ELECT_GOOD, false, true, false },
                { ELECT_UNKNOWN, ELECT_GOOD, false, true, false },
                { ELECT_GOOD, ELECT_GOOD, true, true, false },
                { ELECT_GOOD, ELECT_GOOD, false, false, false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                ElectEvent facts = { .type = ELECT_EV_MESSAGE };
                ElectEvent answer = { .type = ELECT_EV_ANSWERED };
                Node node;

                node_eligible_slave(&node, ELECT_ROLE_SLAVE);
                facts.message = (ElectMessage){ .type = ELECT_MSG_FACTS,
                                                .instance = NODE_PEER,
                                                .to_instance = NODE_INSTANCE,
                                                .n_macs = 1,
                                                .macs = { { 2 } } };
                node_give(&node, &facts);
                node_give(&node, &(ElectEvent){ .type = ELECT_EV_LINK, .link = cases[i].link });
                node_give(&node, &(ElectEvent){ .type = ELECT_EV_GATEWAY, .gateway = cases[i].gateway });
                node_wait(&node, NODE_DEAD_USEC); /* the carrier is no news any more */
                if (!cases[i].elig)
                        node_give(&node, &(ElectEvent){ .type = ELECT_EV_LATE, .late_usec = USEC_PER_SEC });
                node_peer(&node, ELECT_PEER_ONLINE);
                node_dropped(&node);
                node_peer(&node, ELECT_PEER_LATE);
                node_wait(&node, NODE_DEAD_USEC / 2);
                answer.answer.mac[0] = 2;
                if (cases[i].answers)
                        node_give(&node, &answer);
                node_peer(&node, ELECT_PEER_LOST);
                g_assert_cmpint(node.core.state, ==, cases[i].serves ? ELECT_MASTER : ELECT_SLAVE);
                g_assert_true(node.disk.sole == cases[i].serves);
        }
}

static void test_evidence_is_looked_at_again_after_the_fsync(void)
{
        Node node;

        node_eligible_slave(&node, ELECT_ROLE_SLAVE);
        node.disk_works = false;
        node_silent_peer(&node);
        g_assert_true(node.core.right_pending);
        node_peer(&node, ELECT_PEER_ONLINE); /* heard again while the disk was at it */
        node.disk_works = true;
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_SAVED, .saved = node.core.save_number });
        g_assert_cmpint(node.core.state, ==, ELECT_SLAVE);
        g_assert_false(node.core.memory.sole);
        g_assert_false(node.disk.sole);
        g_assert_cmpuint(node.orders[ELECT_ORDER_PRIMARY], ==, 0);
}

/* 20: the peer may have gone on and be gone again: what is here may be old, and nobody is to read it. */
static void reached(Node *node, bool answered, uint64_t usec)
{
        node_give(node, &(ElectEvent){ .type = ELECT_EV_REACHED, .reached = { answered, usec } });
}

/* Its peer has died, and the kernel's connection stands as it does for seconds. */
static void connected_to_nobody(Node *node)
{
        node_eligible_slave(node, ELECT_ROLE_SLAVE);
        node_wait(node, NODE_DEAD_USEC);
        node_peer(node, ELECT_PEER_LATE);
        node_wait(node, NODE_DEAD_USEC / 2);
        node_peer(node, ELECT_PEER_LOST);
        g_assert_cmpuint(node->orders[ELECT_ORDER_DISCONNECT], ==, 0); /* nobody says that it is silent */
}

static void test_connection_to_a_silent_kernel_is_ended(void)
{
        Node node;

        connected_to_nobody(&node);
        reached(&node, false, node.now_usec);
        g_assert_cmpuint(node.orders[ELECT_ORDER_DISCONNECT], ==, 1);
        g_assert_false(node.core.memory.sole); /* the kernel has not done it yet */
        node.volume.connected = false;
        node_volume(&node);
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
}

static void test_connection_to_a_kernel_that_answers_stands(void)
{
        Node node;

        connected_to_nobody(&node);
        reached(&node, true, node.now_usec);
        node_wait(&node, 20 * NODE_DEAD_USEC);
        g_assert_cmpuint(node.orders[ELECT_ORDER_DISCONNECT], ==, 0);
        g_assert_cmpint(node.core.state, ==, ELECT_SLAVE);
}

static void test_silence_of_long_ago_means_nothing(void)
{
        Node node;

        connected_to_nobody(&node);
        reached(&node, false, node.now_usec - NODE_DEAD_USEC / 2);
        g_assert_cmpuint(node.orders[ELECT_ORDER_DISCONNECT], ==, 0);
}

static void test_kernel_that_answers_after_all_is_connected_first(void)
{
        Node node;

        connected_to_nobody(&node);
        reached(&node, false, node.now_usec);
        g_assert_cmpuint(node.orders[ELECT_ORDER_DISCONNECT], ==, 1);
        reached(&node, true, node.now_usec);
        node.volume.connected = false;
        node_volume(&node);
        node_wait(&node, 5 * USEC_PER_SEC);
        g_assert_cmpint(node.core.state, ==, ELECT_SLAVE);
        node_wait(&node, 6 * USEC_PER_SEC); /* nothing came of it */
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
}

static void test_isolated_master_that_was_late_serves_nobody(void)
{
        Node node;

        node_whole_master(&node);
        memset(node.orders, 0, sizeof(node.orders));
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_LATE, .late_usec = USEC_PER_SEC });
        g_assert_cmpuint(node.orders[ELECT_ORDER_WITHDRAW], ==, 0);
        node_silent_peer(&node);
        node_wait(&node, USEC_PER_MINUTE);
        g_assert_cmpint(node.core.state, ==, ELECT_ISOLATED);
        g_assert_false(node.disk.sole);
        g_assert_cmpuint(node.orders[ELECT_ORDER_WITHDRAW], ==, 1);

        memset(node.orders, 0, sizeof(node.orders));
        node_peer(&node, ELECT_PEER_ONLINE);
        node.volume.frozen = false;
        node_connected(&node);
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
        g_assert_cmpuint(node.orders[ELECT_ORDER_ACQUIRE], >, 0);
}

static void test_operator_arbiter_promotes_no_slave(void)
{
        Node node;

        node_eligible_slave(&node, ELECT_ROLE_SLAVE);
        node.core.settings.arbiter = ELECT_ARBITER_OPERATOR;
        node_silent_peer(&node);
        node_wait(&node, USEC_PER_MINUTE);
        g_assert_cmpint(node.core.state, ==, ELECT_SLAVE);

        node_whole_master(&node);
        node.core.settings.arbiter = ELECT_ARBITER_OPERATOR;
        node_silent_peer(&node);
        node_give(&node, &(ElectEvent){ .type = ELECT_EV_FENCE_ASKED });
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
        g_assert_true(node.disk.sole);
}

static void test_hearing_sole_bars(void)
{
        Node node;

        node_eligible_slave(&node, ELECT_ROLE_SLAVE);
        node_dropped(&node);
        node.peer.sole = true;
        node_record(&node);
        g_assert_false(node.core.memory.elig);
}

#define TEST(name) g_test_add_func("/elect-right/" #name, test_##name)

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        TEST(consent_is_durable_before_it_is_told);
        TEST(half_open_link_is_dropped_and_consent_refused_this_time);
        TEST(sole_and_master_never_consent);
        TEST(tie_goes_to_the_configured_master);
        TEST(only_the_present_nonce_gives_the_right);
        TEST(frozen_disk_goes_on_by_the_handler_or_by_order_never_both);
        TEST(order_to_resume_waits_for_a_kernel_that_was_told_late);
        TEST(right_is_given_up_when_the_peers_is_heard_before_the_disk_goes_on);
        TEST(operator_arbiter_lets_no_master_go_on_that_was_late);
        TEST(handler_waits_for_an_order_that_resumes);
        TEST(master_with_the_right_does_not_stay_frozen);
        TEST(frozen_disk_goes_on_only_after_the_fsync);
        TEST(evidence_needs_every_part);
        TEST(evidence_is_looked_at_again_after_the_fsync);
        TEST(connection_to_a_silent_kernel_is_ended);
        TEST(connection_to_a_kernel_that_answers_stands);
        TEST(silence_of_long_ago_means_nothing);
        TEST(kernel_that_answers_after_all_is_connected_first);
        TEST(isolated_master_that_was_late_serves_nobody);
        TEST(operator_arbiter_promotes_no_slave);
        TEST(hearing_sole_bars);
        return g_test_run();
}
