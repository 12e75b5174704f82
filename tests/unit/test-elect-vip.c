/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules of a pair without a volume, each played by two cores against each other. A test's name says what
 * must hold; numbers are those of the election chapter's faults.
 */
#include <glib.h>

#include "common/base/macros.h"
#include "elect-pair.h"

#define BEYOND_DEAD (PAIR_DEAD_USEC + 40 * USEC_PER_MSEC)

static void settled(Pair *pair)
{
        pair_init(pair);
        pair_boot(pair, 0);
        pair_boot(pair, 1);
        pair_run(pair, 3 * USEC_PER_SEC);
        g_assert_cmpint(pair_master(pair), ==, 0);
        g_assert_cmpint(pair->node[0].core.state, ==, ELECT_MASTER);
        g_assert_cmpint(pair->node[1].core.state, ==, ELECT_SLAVE);
        pair->node[0].promotions = pair->node[1].promotions = pair->node[0].demotions =
                        pair->node[1].demotions = 0;
}

static void untouched(const Pair *pair)
{
        g_assert_cmpint(pair_master(pair), ==, 0);
        g_assert_false(pair->both_held);
        g_assert_cmpuint(pair->node[0].demotions, ==, 0);
        g_assert_cmpuint(pair->node[1].promotions, ==, 0);
}

/* 1 */
static void test_both_boot_configured_master_serves(void)
{
        Pair pair;

        pair_init(&pair);
        pair_boot(&pair, 1);
        pair_boot(&pair, 0);
        pair_run(&pair, 200 * USEC_PER_MSEC);
        g_assert_cmpint(pair_master(&pair), ==, 0);
        g_assert_cmpint(pair.node[0].last_reason, ==, ELECT_REASON_CONFIGURED);
        g_assert_false(pair.both_held);
}

/* 2, 4, 6 */
static void test_lone_node_listens_then_serves(void)
{
        for (int i = 0; i < 2; i++) {
                Pair pair;

                pair_init(&pair);
                pair_boot(&pair, i);
                pair_run(&pair, 1900 * USEC_PER_MSEC);
                g_assert_cmpint(pair_master(&pair), ==, -1);
                pair_run(&pair, 200 * USEC_PER_MSEC);
                g_assert_cmpint(pair_master(&pair), ==, i);
                g_assert_cmpint(pair.node[i].last_reason, ==, ELECT_REASON_NOBODY_HEARD);
        }
}

static void test_running_incumbent_keeps_role(void)
{
        Pair pair;

        pair_init(&pair);
        pair_boot(&pair, 1);
        pair_run(&pair, 3 * USEC_PER_SEC);
        pair_boot(&pair, 0);
        pair_run(&pair, 3 * USEC_PER_SEC); /* failback is due after 5 s */
        g_assert_cmpint(pair_master(&pair), ==, 1);
        g_assert_cmpint(pair.node[0].core.state, ==, ELECT_SLAVE);
        g_assert_false(pair.both_held);
}

/* 13 */
static void test_master_power_off_slave_serves(void)
{
        Pair pair;

        settled(&pair);
        pair_crash(&pair, 0);
        pair_run(&pair, PAIR_DEAD_USEC - 40 * USEC_PER_MSEC);
        g_assert_cmpint(pair_master(&pair), ==, -1);
        pair_run(&pair, 80 * USEC_PER_MSEC);
        g_assert_cmpint(pair_master(&pair), ==, 1);
        g_assert_cmpint(pair.node[1].last_reason, ==, ELECT_REASON_PEER_LOST);
        g_assert_cmpuint(pair.node[1].core.epoch, >, pair.node[0].core.epoch);
}

static void test_takeover_does_not_wait_for_the_disk(void)
{
        Pair pair;

        settled(&pair);
        pair.node[1].disk_slow = true; /* from now on; its next epoch was reserved before */
        pair_crash(&pair, 0);
        pair_run(&pair, BEYOND_DEAD);
        g_assert_cmpint(pair_master(&pair), ==, 1);
}

/* 15 */
static void test_slave_power_off_master_goes_on(void)
{
        Pair pair;

        settled(&pair);
        pair_crash(&pair, 1);
        pair_run(&pair, 2 * USEC_PER_SEC);
        untouched(&pair);
}

/* A changed boot id is the loss of that master at once. */
static void test_master_reboot_is_seen_by_boot_id(void)
{
        Pair pair;

        settled(&pair);
        pair_crash(&pair, 0);
        pair_run(&pair, 20 * USEC_PER_MSEC);
        pair.node[0].booted = true;
        pair.node[0].boots++;
        pair.node[1].last_heard_usec = pair.now_usec;
        ElectEvent event = { .type = ELECT_EV_PEER, .peer = { .state = ELECT_PEER_ONLINE } };
        event.peer.boot_id[0] = 1;
        event.peer.boot_id[1] = 2;
        pair_give(&pair, 1, &event);
        pair_run(&pair, 20 * USEC_PER_MSEC);
        g_assert_cmpint(pair_master(&pair), ==, 1);
        g_assert_cmpint(pair.node[1].core.reason, ==, ELECT_REASON_PEER_REBOOTED);
}

/* 18 */
static void test_killed_electd_resumes(void)
{
        for (int i = 0; i < 2; i++) {
                Pair pair;

                settled(&pair);
                pair_kill(&pair, i);
                pair_run(&pair, 50 * USEC_PER_MSEC);
                pair_start(&pair, i);
                pair_run(&pair, 4 * USEC_PER_SEC);
                g_assert_cmpint(pair_master(&pair), ==, 0);
                g_assert_false(pair.both_held);
                g_assert_cmpuint(pair.node[0].demotions, ==, 0);
                g_assert_cmpint(pair.node[0].core.state, ==, ELECT_MASTER);
                g_assert_cmpint(pair.node[1].core.state, ==, ELECT_SLAVE);
        }
}

/* Killed at every millisecond of a takeover and of a handover: exactly one serves in the end, never two. */
static void test_killed_in_any_state(void)
{
        for (uint64_t at = 0; at < 400; at += 1)
                for (int victim = 0; victim < 2; victim++) {
                        Pair pair;

                        settled(&pair);
                        pair_request(&pair, 1, ELECT_REQUEST_MAKE_MASTER);
                        pair_run(&pair, at % 20 * USEC_PER_MSEC);
                        pair_kill(&pair, victim);
                        pair_run(&pair, (1 + at / 20) * USEC_PER_MSEC);
                        pair_start(&pair, victim);
                        pair_run(&pair, 3 * USEC_PER_SEC);
                        g_assert_cmpint(pair_master(&pair), >=, 0);
                        g_assert_cmpint(pair_master(&pair), <, 2);
                        g_assert_false(pair.both_held);
                }
}

/* 19: a hung electd is restarted by its watchdog, not robbed */
static void test_aged_record_is_unknown_not_lost(void)
{
        Pair pair;

        settled(&pair);
        pair.node[0].aged = true;
        ElectEvent event = { .type = ELECT_EV_RECORD };
        event.record.record = pair.node[0].record;
        event.record.aged = true;
        pair_give(&pair, 1, &event);
        pair_kill(&pair, 0);
        pair_run(&pair, 5 * USEC_PER_SEC);
        untouched(&pair);
}

static void test_mac_answering_is_not_robbed(void)
{
        Pair pair;

        settled(&pair);
        pair_run(&pair, USEC_PER_SEC);
        pair.node[0].hears = pair.node[1].hears = false; /* every path cut, the LAN whole */
        pair_run(&pair, 5 * USEC_PER_SEC);
        untouched(&pair);
}

static void test_hbd_gone_is_unknown(void)
{
        Pair pair;

        settled(&pair);
        pair_give(&pair, 1, &(ElectEvent){ .type = ELECT_EV_HBD_GONE });
        pair.node[1].hears = false;
        pair.node[1].hbd_dead = true;
        pair.lan = false;
        pair_run(&pair, 5 * USEC_PER_SEC);
        g_assert_cmpint(pair_master(&pair), ==, 0);
        g_assert_cmpuint(pair.node[1].promotions, ==, 0);
}

static void test_vipd_restart_changes_no_role(void)
{
        for (int i = 0; i < 2; i++) {
                Pair pair;

                settled(&pair);
                pair.node[i].vipd = false;
                pair_give(&pair, i, &(ElectEvent){ .type = ELECT_EV_VIPD_GONE });
                pair_run(&pair, 100 * USEC_PER_MSEC);
                pair.node[i].vipd = true;
                ElectEvent event = { .type = ELECT_EV_ADDRESSES };
                event.addresses.held = i == 0;
                event.addresses.usable = true;
                event.addresses.epoch = pair.node[i].vipd_epoch;
                pair_give(&pair, i, &event);
                pair_run(&pair, USEC_PER_SEC);
                g_assert_cmpint(pair_master(&pair), ==, 0);
                /* it is told again what is wanted */
                g_assert_cmpuint(pair.node[0].promotions, ==, i == 0 ? 1 : 0);
                g_assert_cmpuint(pair.node[1].demotions, ==, i == 0 ? 0 : 1);
        }
}

/* 10 */
static void test_memory_lost_listens_then_serves(void)
{
        Pair pair;

        pair_init(&pair);
        pair.node[0].disk_status = ELECT_MEMORY_LOST;
        pair_boot(&pair, 0);
        pair_run(&pair, 1900 * USEC_PER_MSEC);
        g_assert_cmpint(pair_master(&pair), ==, -1);
        pair_run(&pair, 300 * USEC_PER_MSEC);
        g_assert_cmpint(pair_master(&pair), ==, 0);
}

/* 20, and every other way for two masters to meet */
static void test_two_masters_end_with_the_newer(void)
{
        Pair pair;

        settled(&pair);
        pair.node[0].hears = pair.node[1].hears = pair.lan = false;
        pair_run(&pair, USEC_PER_SEC);
        g_assert_cmpint(pair_master(&pair), ==, 2);
        pair.node[0].hears = pair.node[1].hears = pair.lan = true;
        pair_run(&pair, USEC_PER_SEC);
        g_assert_cmpint(pair_master(&pair), ==, 1);
        g_assert_cmpuint(pair.both_longest_usec, <=, PAIR_DEAD_USEC);
        g_assert_cmpint(pair.node[0].core.state, ==, ELECT_SLAVE);
        g_assert_cmpuint(pair.node[1].announcements, ==, 1);
}

/* 26 */
static void test_deaf_direction_never_keeps_two_masters(void)
{
        for (int deaf = 0; deaf < 2; deaf++) {
                Pair pair;

                settled(&pair);
                pair.node[deaf].hears = false;
                pair_run(&pair, USEC_PER_SEC);
                untouched(&pair);

                /* met as two masters with one deaf: the one that hears yields */
                pair.lan = pair.node[0].hears = pair.node[1].hears = false;
                pair_run(&pair, USEC_PER_SEC);
                g_assert_cmpint(pair_master(&pair), ==, 2);
                pair.lan = pair.node[1 - deaf].hears = true;
                pair_run(&pair, 2 * USEC_PER_SEC);
                g_assert_cmpint(pair_master(&pair), ==, deaf);
                g_assert_cmpuint(pair.both_longest_usec, <=, PAIR_DEAD_USEC);
        }
}

/* A mistake in the configuration: it is listed as an error, and the address still has one holder. */
static void test_two_nodes_of_one_configured_role_end_with_one_master(void)
{
        Pair pair;

        pair_init(&pair);
        pair.node[1].settings.configured = ELECT_ROLE_MASTER;
        pair_boot(&pair, 0);
        pair_boot(&pair, 1);
        pair_run(&pair, 2 * USEC_PER_SEC);
        g_assert_cmpint(pair_master(&pair), >=, 0);
        g_assert_cmpint(pair_master(&pair), <, 2);
        g_assert_cmpuint(pair.both_longest_usec, <=, PAIR_DEAD_USEC);
}

static void test_own_lateness_accuses_nobody(void)
{
        Pair pair;
        ElectEvent late = { .type = ELECT_EV_LATE, .late_usec = 10 * PAIR_DEAD_USEC };

        settled(&pair);
        pair.node[1].hears = false;
        pair.lan = false;
        pair_run(&pair, PAIR_DEAD_USEC * 2 / 3);
        pair_give(&pair, 1, &late);
        g_assert_cmpint(pair.node[1].core.peer, ==, ELECT_PEER_UNKNOWN);
        pair.node[1].hears = pair.lan = true;
        pair_run(&pair, USEC_PER_SEC);
        untouched(&pair);
}

static void test_inactive_holds_nothing(void)
{
        Pair pair;

        settled(&pair);
        pair.node[0].settings.active = false;
        pair_give(&pair, 0, &(ElectEvent){ .type = ELECT_EV_SETTINGS, .settings = pair.node[0].settings });
        pair_run(&pair, USEC_PER_SEC);
        g_assert_cmpint(pair_master(&pair), ==, 1);
        g_assert_cmpint(pair.node[0].core.state, ==, ELECT_WAIT_PEER);
        g_assert_false(pair.both_held);
}

static void test_failed_acquire_leaves_the_role_to_the_peer(void)
{
        Pair pair;

        pair_init(&pair);
        pair_boot(&pair, 0);
        pair.node[0].order_error = -EIO;
        pair_boot(&pair, 1);
        pair_run(&pair, 2 * USEC_PER_SEC);
        g_assert_cmpint(pair_master(&pair), ==, 1);
        g_assert_false(pair.both_held);
        pair_run(&pair, 12 * USEC_PER_SEC); /* the fault ends by itself */
        g_assert_cmpint(pair.node[0].core.state, !=, ELECT_FAULT);
}

static void test_epoch_jump_is_refused(void)
{
        Pair pair;
        ElectEvent event = { .type = ELECT_EV_RECORD };

        settled(&pair);
        event.record.record = pair.node[0].record;
        event.record.record.epoch += (UINT64_C(1) << 32) + 1;
        event.record.record.role = ELECT_ROLE_MASTER;
        pair_give(&pair, 1, &event);
        g_assert_cmpuint(pair.node[1].core.epoch, <, UINT64_C(1) << 32);
        g_assert_true(pair.node[1].core.record_aged);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/elect-vip/both-boot-configured-master-serves",
                        test_both_boot_configured_master_serves);
        g_test_add_func("/elect-vip/lone-node-listens-then-serves", test_lone_node_listens_then_serves);
        g_test_add_func("/elect-vip/running-incumbent-keeps-role", test_running_incumbent_keeps_role);
        g_test_add_func("/elect-vip/master-power-off-slave-serves", test_master_power_off_slave_serves);
        g_test_add_func("/elect-vip/takeover-does-not-wait-for-the-disk",
                        test_takeover_does_not_wait_for_the_disk);
        g_test_add_func("/elect-vip/slave-power-off-master-goes-on", test_slave_power_off_master_goes_on);
        g_test_add_func("/elect-vip/master-reboot-is-seen-by-boot-id",
                        test_master_reboot_is_seen_by_boot_id);
        g_test_add_func("/elect-vip/killed-electd-resumes", test_killed_electd_resumes);
        g_test_add_func("/elect-vip/killed-in-any-state", test_killed_in_any_state);
        g_test_add_func("/elect-vip/aged-record-is-unknown-not-lost", test_aged_record_is_unknown_not_lost);
        g_test_add_func("/elect-vip/mac-answering-is-not-robbed", test_mac_answering_is_not_robbed);
        g_test_add_func("/elect-vip/hbd-gone-is-unknown", test_hbd_gone_is_unknown);
        g_test_add_func("/elect-vip/vipd-restart-changes-no-role", test_vipd_restart_changes_no_role);
        g_test_add_func("/elect-vip/memory-lost-listens-then-serves", test_memory_lost_listens_then_serves);
        g_test_add_func("/elect-vip/two-masters-end-with-the-newer", test_two_masters_end_with_the_newer);
        g_test_add_func("/elect-vip/deaf-direction-never-keeps-two-masters",
                        test_deaf_direction_never_keeps_two_masters);
        g_test_add_func("/elect-vip/two-nodes-of-one-configured-role-end-with-one-master",
                        test_two_nodes_of_one_configured_role_end_with_one_master);
        g_test_add_func("/elect-vip/own-lateness-accuses-nobody", test_own_lateness_accuses_nobody);
        g_test_add_func("/elect-vip/inactive-holds-nothing", test_inactive_holds_nothing);
        g_test_add_func("/elect-vip/failed-acquire-leaves-the-role-to-the-peer",
                        test_failed_acquire_leaves_the_role_to_the_peer);
        g_test_add_func("/elect-vip/epoch-jump-is-refused", test_epoch_jump_is_refused);
        return g_test_run();
}
