/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The role changes hands while both nodes live: operators, failback, pin, damping, link-down handover,
 * maintenance, leaving in order.
 */
#include <glib.h>

#include "common/base/macros.h"
#include "elect-pair.h"

static void settled(Pair *pair)
{
        pair_init(pair);
        pair_boot(pair, 0);
        pair_boot(pair, 1);
        pair_run(pair, 3 * USEC_PER_SEC);
        g_assert_cmpint(pair_master(pair), ==, 0);
        pair->node[0].demotions = 0;
}

static void switched(Pair *pair, int master)
{
        g_assert_cmpint(pair_master(pair), ==, master);
        g_assert_cmpint(pair->node[master].core.state, ==, ELECT_MASTER);
        g_assert_cmpint(pair->node[1 - master].core.state, ==, ELECT_SLAVE);
        g_assert_false(pair->both_held);
}

static void answered(Pair *pair, int node, ElectResult result)
{
        g_assert_cmpuint(pair->node[node].replied, !=, 0);
        g_assert_cmpint(pair->node[node].reply, ==, result);
}

/* 33 */
static void test_both_buttons(void)
{
        Pair pair;

        settled(&pair);
        pair_request(&pair, 1, ELECT_REQUEST_MAKE_MASTER);
        pair_run(&pair, 20 * USEC_PER_MSEC);
        switched(&pair, 1);
        answered(&pair, 1, ELECT_OK);

        pair_request(&pair, 1, ELECT_REQUEST_MAKE_SLAVE);
        pair_run(&pair, 20 * USEC_PER_MSEC);
        switched(&pair, 0);
        answered(&pair, 1, ELECT_OK);
}

static void test_no_button_moves_the_role_to_a_node_without_a_lan(void)
{
        Pair pair;

        settled(&pair);
        pair_link(&pair, 1, ELECT_BAD);
        pair_run(&pair, 20 * USEC_PER_MSEC);
        pair_request(&pair, 1, ELECT_REQUEST_MAKE_MASTER);
        pair_run(&pair, 20 * USEC_PER_MSEC);
        answered(&pair, 1, ELECT_REFUSED_UNFIT);
        pair_request(&pair, 0, ELECT_REQUEST_MAKE_SLAVE);
        pair_run(&pair, 20 * USEC_PER_MSEC);
        answered(&pair, 0, ELECT_REFUSED_UNFIT);
        switched(&pair, 0);

        /* Neither has one: no worse than before. */
        pair_link(&pair, 0, ELECT_BAD);
        pair_run(&pair, 20 * USEC_PER_MSEC);
        pair_request(&pair, 1, ELECT_REQUEST_MAKE_MASTER);
        pair_run(&pair, 20 * USEC_PER_MSEC);
        answered(&pair, 1, ELECT_OK);
        switched(&pair, 1);
}

/* 37: crossed requests never make two masters */
static void test_two_requests_at_once(void)
{
        for (uint64_t ms = 0; ms < 12; ms++) {
                Pair pair;

                settled(&pair);
                pair_request(&pair, 1, ELECT_REQUEST_MAKE_MASTER);
                pair_run(&pair, ms * USEC_PER_MSEC);
                pair_request(&pair, 0, ELECT_REQUEST_MAKE_SLAVE);
                pair_run(&pair, 2 * USEC_PER_SEC);
                switched(&pair, 1);
        }
}

/* 34 */
static void test_target_dies_after_handover_old_master_resumes(void)
{
        for (uint64_t ms = 1; ms < 12; ms++) {
                Pair pair;

                settled(&pair);
                pair_request(&pair, 1, ELECT_REQUEST_MAKE_MASTER);
                pair_run(&pair, ms * USEC_PER_MSEC);
                pair_crash(&pair, 1);
                pair_run(&pair, 2 * PAIR_DEAD_USEC);
                g_assert_cmpint(pair_master(&pair), ==, 0);
                g_assert_false(pair.both_held);
        }
}

static void test_lost_handover_is_taken_back(void)
{
        Pair pair;

        settled(&pair);
        pair_request(&pair, 1, ELECT_REQUEST_MAKE_MASTER);
        pair_run(&pair, 2 * USEC_PER_MSEC);
        pair.node[1].core.preq.nonce++; /* the answer will name another */
        pair_run(&pair, 3 * USEC_PER_SEC);
        switched(&pair, 0);
}

/* 36 */
static void test_role_is_given_back_when_it_cannot_be_taken(void)
{
        Pair pair;

        settled(&pair);
        pair.node[1].order_error = -EIO;
        pair_request(&pair, 1, ELECT_REQUEST_MAKE_MASTER);
        pair_run(&pair, 50 * USEC_PER_MSEC);
        g_assert_cmpint(pair_master(&pair), ==, 0);
        answered(&pair, 1, ELECT_FAILED_ORDER);
        g_assert_cmpint(pair.node[0].core.reason, ==, ELECT_REASON_NOT_TAKEN);
}

static void test_stuck_withdraw_keeps_the_role(void)
{
        Pair pair;

        settled(&pair);
        pair.node[0].order_error = -EIO; /* once: tried again until it works */
        pair_request(&pair, 1, ELECT_REQUEST_MAKE_MASTER);
        pair_run(&pair, 50 * USEC_PER_MSEC);
        answered(&pair, 1, ELECT_FAILED_ORDER);
        g_assert_cmpint(pair.node[0].core.state, ==, ELECT_FAULT);
        g_assert_cmpint(elect_running_role(&pair.node[0].core), ==, ELECT_ROLE_MASTER);
        g_assert_cmpint(pair_master(&pair), ==, 0);
        pair_run(&pair, 3 * USEC_PER_SEC);
        g_assert_cmpint(pair_master(&pair), >=, 0);
        g_assert_false(pair.both_held);
}

static void test_refused_without_a_peer(void)
{
        Pair pair;

        settled(&pair);
        pair_crash(&pair, 1);
        pair_run(&pair, USEC_PER_SEC);
        pair_request(&pair, 0, ELECT_REQUEST_MAKE_SLAVE);
        answered(&pair, 0, ELECT_REFUSED_PEER);
        pair_request(&pair, 0, ELECT_REQUEST_MAKE_MASTER);
        answered(&pair, 0, ELECT_OK);
}

static void test_force_is_refused_while_a_master_is_heard(void)
{
        Pair pair;

        settled(&pair);
        pair_request(&pair, 1, ELECT_REQUEST_FORCE_MASTER);
        answered(&pair, 1, ELECT_REFUSED_MASTER_HEARD);
        switched(&pair, 0);
}

/* 5 s after the configured master is back and healthy, it takes over again. */
static void test_failback(void)
{
        Pair pair;

        settled(&pair);
        pair_crash(&pair, 0);
        pair_run(&pair, USEC_PER_SEC);
        g_assert_cmpint(pair_master(&pair), ==, 1);
        pair_boot(&pair, 0);
        pair_run(&pair, 4900 * USEC_PER_MSEC);
        switched(&pair, 1);
        pair_run(&pair, USEC_PER_SEC);
        switched(&pair, 0);
        g_assert_cmpint(pair.node[0].core.reason, ==, ELECT_REASON_FAILBACK);
}

static void test_pin_holds_against_failback_until_the_reboot(void)
{
        Pair pair;

        settled(&pair);
        pair_request(&pair, 0, ELECT_REQUEST_MAKE_SLAVE);
        pair_run(&pair, 20 * USEC_PER_SEC);
        switched(&pair, 1);
        g_assert_true(pair.node[0].core.memory.pinned);

        pair_kill(&pair, 0); /* a restart of electd is no reboot */
        pair_start(&pair, 0);
        pair_run(&pair, 20 * USEC_PER_SEC);
        switched(&pair, 1);

        pair_crash(&pair, 0);
        pair_run(&pair, USEC_PER_SEC);
        pair_boot(&pair, 0);
        pair_run(&pair, 20 * USEC_PER_SEC);
        switched(&pair, 0);
}

static void test_become_back_ends_the_pin(void)
{
        Pair pair;

        settled(&pair);
        pair_request(&pair, 1, ELECT_REQUEST_MAKE_MASTER);
        pair_run(&pair, USEC_PER_SEC);
        g_assert_true(pair.node[0].core.memory.pinned);
        pair_request(&pair, 0, ELECT_REQUEST_MAKE_MASTER);
        pair_run(&pair, USEC_PER_SEC);
        g_assert_false(pair.node[0].core.memory.pinned);
        g_assert_false(pair.node[1].core.memory.pinned);
}

/* 21 */
static void test_reboot_loop_is_damped_to_two_failbacks_an_hour(void)
{
        Pair pair;
        uint64_t moves = 0;

        settled(&pair);
        for (int i = 0; i < 20; i++) {
                pair_crash(&pair, 0);
                pair_run(&pair, USEC_PER_SEC);
                pair_boot(&pair, 0);
                pair_run(&pair, 59 * USEC_PER_SEC);
                moves += pair_master(&pair) == 0;
        }
        g_assert_cmpuint(moves, ==, 2);
        pair_run(&pair, 2 * USEC_PER_HOUR);
        g_assert_cmpint(pair_master(&pair), ==, 0);
}

/* 30 */
static void test_link_down_moves_at_once(void)
{
        Pair pair;

        settled(&pair);
        pair_run(&pair, 2 * USEC_PER_SEC);
        pair_link(&pair, 0, ELECT_BAD);
        pair_run(&pair, 40 * USEC_PER_MSEC);
        switched(&pair, 1);
        g_assert_cmpint(pair.node[1].core.reason, ==, ELECT_REASON_LINK_DOWN);

        /* one move an incident: now the new master's is gone too */
        pair_link(&pair, 1, ELECT_BAD);
        pair_run(&pair, 2 * USEC_PER_SEC);
        switched(&pair, 1);
}

static void test_dead_switch_moves_nothing(void)
{
        Pair pair;

        settled(&pair);
        pair_link(&pair, 0, ELECT_BAD);
        pair_run(&pair, 10 * USEC_PER_MSEC);
        pair_link(&pair, 1, ELECT_BAD);
        pair_run(&pair, 5 * USEC_PER_SEC);
        switched(&pair, 0);

        /* and when all paths went over it */
        pair.node[0].hears = pair.node[1].hears = pair.lan = false;
        pair_run(&pair, 5 * USEC_PER_SEC);
        g_assert_cmpint(pair_master(&pair), ==, 0);
        pair_link(&pair, 1, ELECT_GOOD);
        pair_link(&pair, 0, ELECT_GOOD);
        pair_run(&pair, 20 * USEC_PER_MSEC);
        pair.node[0].hears = pair.node[1].hears = pair.lan = true;
        pair_run(&pair, 5 * USEC_PER_SEC);
        switched(&pair, 0);
}

static void test_link_down_without_the_setting_moves_nothing(void)
{
        Pair pair;

        settled(&pair);
        for (int i = 0; i < 2; i++) {
                pair.node[i].settings.failover_link_down = false;
                pair_give(&pair, i,
                          &(ElectEvent){ .type = ELECT_EV_SETTINGS, .settings = pair.node[i].settings });
        }
        pair_link(&pair, 0, ELECT_BAD);
        pair_run(&pair, 5 * USEC_PER_SEC);
        switched(&pair, 0);
}

/* 28 */
static void test_flapping_link_is_damped(void)
{
        Pair pair;
        uint64_t moves = 0;

        settled(&pair);
        for (int i = 0; i < 120; i++) {
                int before = pair_master(&pair);

                pair_link(&pair, 0, i % 2 == 0 ? ELECT_BAD : ELECT_GOOD);
                pair_run(&pair, 10 * USEC_PER_SEC);
                moves += pair_master(&pair) != before;
        }
        g_assert_cmpuint(moves, <=, 5); /* there, back, there, back, there */
}

/* 45 */
static void test_maintenance_is_persisted_first_and_moves_nothing(void)
{
        Pair pair;

        settled(&pair);
        pair.node[1].disk_slow = true;
        pair_request(&pair, 1, ELECT_REQUEST_MAINTENANCE_ON);
        pair_run(&pair, USEC_PER_SEC);
        g_assert_cmpuint(pair.node[1].replied, ==, 0);
        pair.node[1].disk_slow = false;
        pair_kill(&pair, 1);
        pair_start(&pair, 1);
        pair_run(&pair, 3 * USEC_PER_SEC);

        pair_request(&pair, 1, ELECT_REQUEST_MAINTENANCE_ON);
        pair_run(&pair, 20 * USEC_PER_MSEC);
        answered(&pair, 1, ELECT_OK);
        g_assert_true(pair.node[1].disk.maintenance);
        g_assert_cmpint(elect_state(&pair.node[1].core), ==, ELECT_MAINTENANCE);
        pair_crash(&pair, 0);
        pair_run(&pair, 5 * USEC_PER_SEC);
        g_assert_cmpint(pair_master(&pair), ==, -1);

        pair_request(&pair, 1, ELECT_REQUEST_MAINTENANCE_OFF);
        pair_run(&pair, USEC_PER_SEC);
        g_assert_cmpint(pair_master(&pair), ==, 1);
}

static void test_leaving_master_hands_over_first(void)
{
        Pair pair;

        settled(&pair);
        pair_give(&pair, 0, &(ElectEvent){ .type = ELECT_EV_STOP });
        pair_run(&pair, 30 * USEC_PER_MSEC);
        g_assert_cmpint(pair_master(&pair), ==, 1);
        g_assert_false(pair.both_held);
        pair_run(&pair, PAIR_DEAD_USEC);
        g_assert_cmpuint(pair.node[0].stopped, ==, 1);
}

static void test_leaving_slave_interrupts_nothing(void)
{
        Pair pair;

        settled(&pair);
        pair_give(&pair, 1, &(ElectEvent){ .type = ELECT_EV_STOP });
        pair_run(&pair, 5 * USEC_PER_MSEC);
        g_assert_cmpuint(pair.node[1].stopped, ==, 1);
        g_assert_true(pair.node[1].record.gone);
        pair_run(&pair, USEC_PER_SEC);
        g_assert_cmpint(pair_master(&pair), ==, 0);
        g_assert_cmpuint(pair.node[0].demotions, ==, 0);
}

static void test_leaving_does_not_wait_for_an_absent_peer(void)
{
        Pair pair;

        settled(&pair);
        pair_crash(&pair, 1);
        pair_run(&pair, USEC_PER_SEC);
        pair_give(&pair, 0, &(ElectEvent){ .type = ELECT_EV_STOP });
        pair_run(&pair, 5 * USEC_PER_MSEC);
        g_assert_cmpuint(pair.node[0].stopped, ==, 1);
        g_assert_cmpint(pair_master(&pair), ==, -1);
}

static void test_both_leaving_ends(void)
{
        for (uint64_t ms = 0; ms < 10; ms++) {
                Pair pair;

                settled(&pair);
                pair_give(&pair, 0, &(ElectEvent){ .type = ELECT_EV_STOP });
                pair_run(&pair, ms * USEC_PER_MSEC);
                pair_give(&pair, 1, &(ElectEvent){ .type = ELECT_EV_STOP });
                pair_run(&pair, 2 * USEC_PER_SEC);
                g_assert_cmpuint(pair.node[0].stopped, ==, 1);
                g_assert_cmpuint(pair.node[1].stopped, ==, 1);
                g_assert_cmpint(pair_master(&pair), ==, -1);
        }
}

/* A master that left without handing over is followed at once, not after the dead time. */
static void test_gone_peer_is_followed_at_once(void)
{
        Pair pair;

        settled(&pair);
        pair.node[1].core.memory.maintenance = true;
        pair_run(&pair, 10 * USEC_PER_MSEC);
        pair_give(&pair, 0, &(ElectEvent){ .type = ELECT_EV_STOP });
        pair_run(&pair, 200 * USEC_PER_MSEC);
        g_assert_cmpint(pair_master(&pair), ==, -1);
        pair_request(&pair, 1, ELECT_REQUEST_MAINTENANCE_OFF);
        pair_run(&pair, 20 * USEC_PER_MSEC);
        g_assert_cmpint(pair_master(&pair), ==, 1);
}

#define TEST(name) g_test_add_func("/elect-switch/" #name, test_##name)

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        TEST(both_buttons);
        TEST(no_button_moves_the_role_to_a_node_without_a_lan);
        TEST(two_requests_at_once);
        TEST(target_dies_after_handover_old_master_resumes);
        TEST(lost_handover_is_taken_back);
        TEST(role_is_given_back_when_it_cannot_be_taken);
        TEST(stuck_withdraw_keeps_the_role);
        TEST(refused_without_a_peer);
        TEST(force_is_refused_while_a_master_is_heard);
        TEST(failback);
        TEST(pin_holds_against_failback_until_the_reboot);
        TEST(become_back_ends_the_pin);
        TEST(reboot_loop_is_damped_to_two_failbacks_an_hour);
        TEST(link_down_moves_at_once);
        TEST(dead_switch_moves_nothing);
        TEST(link_down_without_the_setting_moves_nothing);
        TEST(flapping_link_is_damped);
        TEST(maintenance_is_persisted_first_and_moves_nothing);
        TEST(leaving_master_hands_over_first);
        TEST(leaving_slave_interrupts_nothing);
        TEST(leaving_does_not_wait_for_an_absent_peer);
        TEST(both_leaving_ends);
        TEST(gone_peer_is_followed_at_once);
        return g_test_run();
}
