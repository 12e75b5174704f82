/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the plan says and hears on the wire: announcements, conflicts, duplicate detection, probes. */
#include <linux/if_addr.h>

#include "tests/unit/plan-fixture.h"

static void test_announcements_repeat_then_refresh(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 2);
        g_assert_false(f->last[PLAN_ANNOUNCE].ask); /* nothing but the announcement counts now */
        pass(f, 3 * USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 8); /* after 0.1, 0.5, 1 and 2 seconds */
        g_assert_true(f->last[PLAN_ANNOUNCE].ask);
        pass(f, 120 * USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 4);
}

static void test_carrier_back_announces_again(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        link_is(f, ETH0, false);
        run(f);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 2);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 0);
        pass(f, 10 * USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE] + f->count[PLAN_QUESTION], ==, 0);
        link_is(f, ETH0, true);
        run(f);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 2);
}

static void test_failed_duplicate_detection_is_overridden(Fixture *f, gconstpointer data)
{
        IpAddress addresses[] = { vip6 }, there = host(&vip6);
        int v;

        plan_load_begin(&f->plan, 1, "", &own);
        v = plan_load_vip(&f->plan, "six", true, &own6);
        g_assert_cmpint(plan_load_address(&f->plan, v, addresses), ==, 0);
        plan_load_end(&f->plan);
        plan_address(&f->plan, ETH0, &own6, 0);
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        g_assert_cmpint(plan_address(&f->plan, ETH0, &there, IFA_F_NODAD), ==, PLAN_NOTHING);
        f->now += USEC_PER_SEC;
        run(f);
        g_assert_cmpint(plan_address(&f->plan, ETH0, &there, IFA_F_NODAD | IFA_F_DADFAILED), ==,
                        PLAN_FAILED_DAD);
        run(f);
        g_assert_cmpuint(f->count[PLAN_REMOVE], ==, 1);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 1);
        g_assert_cmpint(plan_address(&f->plan, ETH0, &there, IFA_F_NODAD), ==, PLAN_NOTHING);
        /* Somebody replaced it by one that still may fail. */
        f->now += USEC_PER_SEC;
        run(f);
        g_assert_cmpint(plan_address(&f->plan, ETH0, &there, IFA_F_TENTATIVE), ==, PLAN_FAILED_DAD);
        run(f);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 1);
}

static void test_conflict_is_told_defended_and_ended(Fixture *f, gconstpointer data)
{
        int which = -1;

        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &vip, their_mac, f->now, &which), ==, 0); /* not held */
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        pass(f, 10 * USEC_PER_SEC);
        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &vip, their_mac, f->now, &which), ==, PLAN_CONFLICT);
        g_assert_cmpint(which, ==, 0);
        g_assert_cmpint(state(f), ==, PLAN_STATE_CONFLICT);
        run(f);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 1);
        g_assert_true(f->last[PLAN_ANNOUNCE].ask);

        /* It goes on answering: told once, defended at least once a second. */
        for (size_t i = 0; i < 10; i++) {
                pass(f, USEC_PER_SEC);
                g_assert_cmpuint(f->count[PLAN_QUIET], ==, 0);
                g_assert_cmpuint(f->count[PLAN_ANNOUNCE], >=, 1);
                g_assert_cmpuint(f->count[PLAN_ANNOUNCE], <=, 5);
                g_assert_cmpuint(plan_claim(&f->plan, ETH0, &vip, their_mac, f->now, &which), ==, 0);
        }
        pass(f, 6 * USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_QUIET], ==, 1);
        /* Every address of it is announced anew: the other host's neighbours must learn. */
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], >=, 10);
        g_assert_cmpint(state(f), ==, PLAN_STATE_HELD);
}

static void test_conflict_ends_with_withdraw(Fixture *f, gconstpointer data)
{
        int which;

        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &vip, their_mac, f->now, &which), ==, PLAN_CONFLICT);
        plan_withdraw(&f->plan);
        run(f);
        g_assert_cmpuint(f->count[PLAN_QUIET], ==, 1);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 0);
}

static void test_our_own_devices_are_no_conflict(Fixture *f, gconstpointer data)
{
        uint8_t mac[MAC_SIZE];
        int which;

        link_is(f, ETH1, true);
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        memcpy(mac, plan_find_link(&f->plan, ETH1)->mac, MAC_SIZE);
        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &vip, mac, f->now, &which), ==, 0);
        /* Nor is what is said about it on another link. */
        g_assert_cmpuint(plan_claim(&f->plan, ETH1, &vip, their_mac, f->now, &which), ==, 0);
}

static void test_probe_asks_many_times_in_a_dead_time(Fixture *f, gconstpointer data)
{
        int which = -1;

        plan_probe(&f->plan, true, f->now);
        pass(f, 150 * USEC_PER_MSEC);
        g_assert_cmpuint(f->count[PLAN_QUESTION], ==, 11); /* every 15 ms; the alias goes with the address */
        g_assert_true(ip_address_equal(&f->last[PLAN_QUESTION].address, &vip));
        g_assert_true(ip_address_equal(&f->last[PLAN_QUESTION].sender, &own));
        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &alias, their_mac, f->now, &which), ==, PLAN_ANSWERED);
        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &vip, their_mac, f->now, &which), ==, 0); /* told */
        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &vip, third_mac, f->now, &which), ==, PLAN_ANSWERED);
        g_assert_cmpint(which, ==, 0);
        plan_probe(&f->plan, false, f->now);
        pass(f, USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_QUESTION], ==, 0);
        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &vip, their_mac, f->now, &which), ==, 0);
}

static const IpAddress peer = { .family = AF_INET, .bytes = { 10, 1, 0, 2 } };

/* This node's end of the replication link is on eth1. */
static void link_up(Fixture *f)
{
        IpAddress end = { .family = AF_INET, .bytes = { 10, 1, 0, 1 } };

        plan_load_peer(&f->plan, &end, &peer);
        link_is(f, ETH1, true);
        pass(f, 10 * USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_QUESTION], ==, 0); /* no device has it */
        end.prefix_len = 24;
        g_assert_cmpint(plan_address(&f->plan, ETH1, &end, 0), ==, PLAN_OWN);
}

static void test_peer_at_the_replication_link_is_asked_all_the_time(Fixture *f, gconstpointer data)
{
        int which;

        link_up(f);
        pass(f, 10 * USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_QUESTION], >=, 5);
        g_assert_cmpuint(f->count[PLAN_QUESTION], <=, 6);
        g_assert_true(ip_address_equal(&f->last[PLAN_QUESTION].address, &peer));
        g_assert_cmpint(f->last[PLAN_QUESTION].ifindex, ==, ETH1);
        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &peer, their_mac, f->now, &which), ==, 0);
        g_assert_cmpuint(plan_claim(&f->plan, ETH1, &peer, their_mac, f->now, &which), ==, PLAN_REACHED);
        g_assert_cmpuint(plan_claim(&f->plan, ETH1, &peer, their_mac, f->now, &which), ==, 0); /* told */
}

static void test_silence_is_that_of_questions_asked(Fixture *f, gconstpointer data)
{
        int which;

        link_up(f);
        pass(f, 10 * USEC_PER_SEC);
        plan_probe(&f->plan, true, f->now);
        pass(f, USEC_PER_SEC);
        g_assert_cmpuint(f->plan.peer.silent_usec, ==, 0); /* it never answered */

        g_assert_cmpuint(plan_claim(&f->plan, ETH1, &peer, their_mac, f->now, &which), ==, PLAN_REACHED);
        f->now += USEC_PER_SEC; /* nobody asked meanwhile */
        run(f);
        g_assert_cmpuint(f->plan.peer.silent_usec, ==, 0);
        pass(f, 70 * USEC_PER_MSEC); /* five questions, of which the last has not had its time */
        g_assert_cmpuint(f->plan.peer.silent_usec, ==, 0);
        pass(f, 20 * USEC_PER_MSEC);
        g_assert_cmpuint(f->plan.peer.silent_usec, !=, 0);
        g_assert_cmpuint(plan_claim(&f->plan, ETH1, &peer, their_mac, f->now, &which), ==, PLAN_REACHED);
        g_assert_cmpuint(f->plan.peer.silent_usec, ==, 0);
        pass(f, USEC_PER_SEC);
        g_assert_cmpuint(f->plan.peer.silent_usec, !=, 0);
        link_is(f, ETH1, false); /* what cannot be asked is not silent */
        pass(f, USEC_PER_SEC);
        g_assert_cmpuint(f->plan.peer.silent_usec, ==, 0);
}

static void test_holder_asks_whether_another_answers(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        pass(f, 10 * USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_QUESTION], >=, 5);
        g_assert_cmpuint(f->count[PLAN_QUESTION], <=, 6);
        plan_withdraw(&f->plan);
        pass(f, 10 * USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_QUESTION], ==, 0);
}

int main(int argc, char **argv)
{
        static const PlanTest tests[] = {
                { "announcements-repeat-then-refresh", test_announcements_repeat_then_refresh },
                { "carrier-back-announces-again", test_carrier_back_announces_again },
                { "failed-duplicate-detection-is-overridden",
                  test_failed_duplicate_detection_is_overridden },
                { "conflict-is-told-defended-and-ended", test_conflict_is_told_defended_and_ended },
                { "conflict-ends-with-withdraw", test_conflict_ends_with_withdraw },
                { "our-own-devices-are-no-conflict", test_our_own_devices_are_no_conflict },
                { "probe-asks-many-times-in-a-dead-time", test_probe_asks_many_times_in_a_dead_time },
                { "peer-at-the-replication-link-is-asked-all-the-time",
                  test_peer_at_the_replication_link_is_asked_all_the_time },
                { "silence-is-that-of-questions-asked", test_silence_is_that_of_questions_asked },
                { "holder-asks-whether-another-answers", test_holder_asks_whether_another_answers },
        };

        g_test_init(&argc, &argv, NULL);
        plan_tests_add("plan-wire", tests, G_N_ELEMENTS(tests));
        return g_test_run();
}
