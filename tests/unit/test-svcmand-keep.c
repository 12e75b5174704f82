/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done about services beside orders: strays, failures, maintenance, a systemd out of reach. */
#include <errno.h>

#include "svcmand-world.h"

static void test_what_never_works_stays_bad_however_long_the_rests_are(void)
{
        g_autoptr(World) world = one();

        world->broken[A] = true;
        start(world);
        check_outcome(world, PLAN_NOT_DONE);
        pass(world, 10 * USEC_PER_SEC);
        for (int i = 0; i < 300; i++) {
                g_assert_true(plan_bad(&world->plan));
                pass(world, USEC_PER_SEC);
        }
        g_assert_cmpuint(world->bad, ==, 1);
        stop(world); /* the peer has it now */
        pass(world, 61 * USEC_PER_SEC);
        g_assert_false(plan_bad(&world->plan));
}

static void test_in_maintenance_what_somebody_does_by_hand_stays(void)
{
        g_autoptr(World) world = one_of_each();

        start(world);
        check_outcome(world, PLAN_DONE);
        check_calls(world, "+m +b ");
        plan_set_maintenance(&world->plan, true);
        world->unit[0][0].active = PLAN_INACTIVE;
        world->unit[1][0].active = PLAN_ACTIVE;
        pass(world, USEC_PER_HOUR);
        check_calls(world, "");
        g_assert_cmpint(world->plan.service[0].state, ==, PLAN_STOPPED);
        g_assert_cmpint(world->plan.service[1].state, ==, PLAN_RUNNING);
        g_assert_cmpuint(world->plan.service[0].n_failures, ==, 0);

        plan_set_maintenance(&world->plan, false);
        settle(world);
        check_calls(world, "+m -s ");
        g_assert_cmpuint(world->plan.service[0].n_failures, ==, 0);
}

/* So that a role that an operator moves in maintenance never leaves a service on two nodes. */
static void test_in_maintenance_orders_are_carried_out(void)
{
        g_autoptr(World) world = one_of_each();

        start(world);
        check_outcome(world, PLAN_DONE);
        plan_set_maintenance(&world->plan, true);
        world->unit[1][0].active = PLAN_ACTIVE;
        settle(world);
        check_calls(world, "+m +b ");
        world->hangs[0] = true;
        stop(world);
        check_calls(world, "-m -s ");
        pass(world, 11 * USEC_PER_SEC);
        check_calls(world, "!m ");
        check_outcome(world, PLAN_DONE);
        world->hangs[0] = false;
        start(world);
        check_calls(world, "+m ");
        check_outcome(world, PLAN_DONE);
}

/* Silence is no order: what is by hand stays also when systemd was out of reach meanwhile. */
static void test_in_maintenance_an_order_that_was_deferred_is_followed_and_no_other(void)
{
        g_autoptr(World) world = one();

        start(world);
        check_outcome(world, PLAN_DONE);
        check_calls(world, "+a ");
        plan_set_maintenance(&world->plan, true);
        world->unit[A][0].active = PLAN_INACTIVE;
        settle(world);
        plan_reachable(&world->plan, false, 0);
        settle(world);
        plan_reachable(&world->plan, true, 0);
        settle(world);
        check_calls(world, "");

        world->unit[A][0].active = PLAN_ACTIVE;
        settle(world);
        plan_reachable(&world->plan, false, 0);
        stop(world);
        check_outcome(world, PLAN_DEFERRED);
        plan_reachable(&world->plan, true, 0);
        settle(world);
        check_calls(world, "-a ");
}

static void test_a_stray_is_stopped_and_told(void)
{
        g_autoptr(World) world = one();

        stop(world);
        check_calls(world, "");
        world->unit[A][0].active = PLAN_ACTIVE;
        settle(world);
        check_calls(world, "-a ");
        g_assert_cmpuint(world->strays, ==, 1);
}

static void test_an_ordered_stop_is_no_stray(void)
{
        g_autoptr(World) world = one();

        start(world);
        stop(world);
        g_assert_cmpuint(world->strays, ==, 0);
}

static void test_what_ends_is_started_again_and_too_often_is_bad(void)
{
        g_autoptr(World) world = one();

        start(world);
        check_calls(world, "+a ");
        for (int i = 0; i < 3; i++) {
                g_assert_false(plan_bad(&world->plan));
                world->unit[A][0].active = PLAN_UNIT_FAILED;
                settle(world);
                pass(world, 5 * USEC_PER_SEC);
                check_calls(world, "+a ");
        }
        g_assert_true(plan_bad(&world->plan));
        g_assert_cmpuint(world->bad, ==, 1);
        pass(world, 60 * USEC_PER_SEC);
        g_assert_false(plan_bad(&world->plan));
}

static void test_a_restart_by_somebody_else_is_no_failure(void)
{
        g_autoptr(World) world = one();

        start(world);
        check_calls(world, "+a ");
        world->unit[A][0].active = PLAN_DEACTIVATING;
        world->unit[A][0].job = true;
        settle(world);
        world->unit[A][0].active = PLAN_ACTIVE;
        world->unit[A][0].job = false;
        settle(world);
        check_calls(world, "");
        g_assert_cmpuint(world->plan.service[A].n_failures, ==, 0);
}

/* systemd's own Restart= keeps its job for as long as it goes on trying: an order must not wait for that. */
static void test_a_start_that_systemd_repeats_has_failed(void)
{
        g_autoptr(World) world = one();

        world->broken[A] = true;
        g_assert_cmpint(plan_start(&world->plan, 1, false), ==, 0);
        settle(world);
        world->unit[A][0] = (PlanReport){
                .load = PLAN_LOADED, .active = PLAN_ACTIVATING, .job = true, .restarting = true
        };
        settle(world);
        check_outcome(world, PLAN_NOT_DONE);
        world->unit[A][0] = (PlanReport){ .load = PLAN_LOADED, .active = PLAN_ACTIVATING, .job = true };
        settle(world);
        g_assert_cmpint(world->plan.service[A].state, ==, PLAN_FAILED);
        world->unit[A][0] = (PlanReport){ .load = PLAN_LOADED, .active = PLAN_ACTIVE };
        settle(world);
        g_assert_cmpint(world->plan.service[A].state, ==, PLAN_RUNNING);
}

static void test_a_missing_unit_is_told_before_it_is_needed(void)
{
        g_autoptr(World) world = one();

        world->unit[A][0].load = PLAN_NOT_FOUND;
        stop(world);
        g_assert_cmpint(world->plan.service[A].state, ==, PLAN_MISSING);
        check_outcome(world, PLAN_DONE);
        start(world);
        check_outcome(world, PLAN_NOT_DONE);
}

static void test_out_of_reach_orders_are_deferred_and_followed_later(void)
{
        g_autoptr(World) world = one();

        plan_reachable(&world->plan, false, world->now_usec);
        g_assert_cmpint(plan_start(&world->plan, 1, false), ==, 0);
        settle(world);
        check_outcome(world, PLAN_PENDING); /* it may be back in a moment */
        pass(world, 2 * USEC_PER_SEC);
        check_outcome(world, PLAN_DEFERRED);
        plan_reachable(&world->plan, true, world->now_usec);
        settle(world);
        check_calls(world, "+a ");

        plan_reachable(&world->plan, false, world->now_usec);
        pass(world, 2 * USEC_PER_SEC);
        plan_stop(&world->plan);
        settle(world);
        check_outcome(world, PLAN_DEFERRED); /* at once: it has been away for long */
        plan_reachable(&world->plan, true, world->now_usec);
        settle(world);
        check_calls(world, "-a ");
}

static void test_a_lower_epoch_is_refused_and_a_stop_never(void)
{
        g_autoptr(World) world = one();

        g_assert_cmpint(plan_start(&world->plan, 5, false), ==, 0);
        g_assert_cmpint(plan_start(&world->plan, 4, false), ==, -ESTALE);
        stop(world);
        g_assert_cmpint(plan_start(&world->plan, 4, false), ==, -ESTALE);
        g_assert_cmpint(plan_role(&world->plan), ==, PLAN_ROLE_NONE);
}

static void test_other_settings_keep_what_runs(void)
{
        g_autoptr(World) world = one();
        Plan *next = g_new0(Plan, 1);

        start(world);
        check_calls(world, "+a ");
        add(world, next, "a", PLAN_ON_BOTH, 50);
        g_assert_false(plan_load_end(&world->plan, next));
        add(world, next, "b", PLAN_ON_MASTER, 50);
        g_assert_true(plan_load_end(&world->plan, next));
        g_free(next);
        settle(world);
        check_calls(world, "+b ");
        g_assert_cmpint(world->plan.service[A].state, ==, PLAN_RUNNING);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/svcmand-keep/" #name, test_##name)
        TEST(what_never_works_stays_bad_however_long_the_rests_are);
        TEST(in_maintenance_what_somebody_does_by_hand_stays);
        TEST(in_maintenance_orders_are_carried_out);
        TEST(in_maintenance_an_order_that_was_deferred_is_followed_and_no_other);
        TEST(a_stray_is_stopped_and_told);
        TEST(an_ordered_stop_is_no_stray);
        TEST(what_ends_is_started_again_and_too_often_is_bad);
        TEST(a_restart_by_somebody_else_is_no_failure);
        TEST(a_start_that_systemd_repeats_has_failed);
        TEST(a_missing_unit_is_told_before_it_is_needed);
        TEST(out_of_reach_orders_are_deferred_and_followed_later);
        TEST(a_lower_epoch_is_refused_and_a_stop_never);
        TEST(other_settings_keep_what_runs);
        return g_test_run();
}
