/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Services run where they are placed and nowhere else, and a takeover learns when they are ready. */
#include "svcmand-world.h"

static void test_nothing_is_touched_before_an_order(void)
{
        g_autoptr(World) world = one_of_each();

        world->unit[A][0].active = PLAN_ACTIVE;
        pass(world, USEC_PER_HOUR);
        check_calls(world, "");
        g_assert_cmpint(world->plan.service[A].state, ==, PLAN_UNKNOWN);
}

static void test_each_runs_where_it_is_placed(void)
{
        g_autoptr(World) world = one_of_each();

        stop(world);
        check_calls(world, "+b ");
        plan_set_slave(&world->plan, true);
        settle(world);
        check_calls(world, "+s ");
        check_outcome(world, PLAN_DONE);
        start(world);
        check_calls(world, "+m -s ");
        check_outcome(world, PLAN_DONE);
        stop(world);
        check_calls(world, "-m ");
        check_outcome(world, PLAN_DONE);
        plan_set_slave(&world->plan, true); /* the other node is master */
        settle(world);
        check_calls(world, "+s ");
}

static void test_lower_orders_start_first_and_stop_last(void)
{
        g_autoptr(World) world = world_new();
        Plan *next = g_new0(Plan, 1);

        add(world, next, "late", PLAN_ON_MASTER, 60);
        add(world, next, "first", PLAN_ON_MASTER, 10);
        add(world, next, "middle", PLAN_ON_MASTER, 50);
        load(world, next);
        start(world);
        check_calls(world, "+f +m +l ");
        stop(world);
        check_calls(world, "-l -m -f ");
}

static void test_units_start_in_order_and_stop_in_reverse(void)
{
        g_autoptr(World) world = world_new();
        Plan *next = g_new0(Plan, 1);
        PlanService *service = add(world, next, "a", PLAN_ON_MASTER, 50);

        service->n_units = 2;
        g_strlcpy(service->unit[1].name, "second.service", sizeof(service->unit[1].name));
        load(world, next);
        world->broken[A] = true;
        start(world);
        g_assert_cmpint(world->unit[A][1].active, ==, PLAN_INACTIVE); /* the first is not there */
        world->broken[A] = false;
        pass(world, 2 * USEC_PER_SEC);
        g_assert_cmpint(world->plan.service[A].state, ==, PLAN_RUNNING);
        check_calls(world, "+a +a +a ");
}

static void test_a_start_that_fails_is_told_after_all_others_are_ready(void)
{
        g_autoptr(World) world = world_new();
        Plan *next = g_new0(Plan, 1);

        add(world, next, "a", PLAN_ON_MASTER, 50);
        add(world, next, "b", PLAN_ON_MASTER, 60);
        load(world, next);
        world->broken[A] = true;
        start(world);
        g_assert_cmpint(world->plan.service[B].state, ==, PLAN_RUNNING);
        check_outcome(world, PLAN_NOT_DONE);
        check_outcome(world, PLAN_PENDING); /* told once */
        check_calls(world, "+a +b ");
        /* What is wanted is a state: it is tried on. */
        world->broken[A] = false;
        pass(world, USEC_PER_SEC);
        g_assert_cmpint(world->plan.service[A].state, ==, PLAN_RUNNING);
}

static void test_ready_is_what_has_settled(void)
{
        g_autoptr(World) world = world_new();
        Plan *next = g_new0(Plan, 1);

        add(world, next, "a", PLAN_ON_MASTER, 50)->settle_usec = USEC_PER_SEC;
        load(world, next);
        start(world);
        check_outcome(world, PLAN_PENDING);
        pass(world, USEC_PER_SEC);
        check_outcome(world, PLAN_DONE);
}

static void test_a_stop_that_hangs_is_killed_within_the_limit(void)
{
        g_autoptr(World) world = one();

        start(world);
        world->hangs[A] = true;
        stop(world);
        check_calls(world, "+a -a ");
        pass(world, 10 * USEC_PER_SEC - 1);
        check_outcome(world, PLAN_PENDING);
        check_calls(world, "");
        pass(world, 1);
        check_calls(world, "!a ");
        check_outcome(world, PLAN_DONE);
}

static void test_what_survives_the_kill_is_never_called_stopped(void)
{
        g_autoptr(World) world = one();

        start(world);
        world->hangs[A] = world->immortal[A] = true;
        stop(world);
        pass(world, 14 * USEC_PER_SEC);
        check_outcome(world, PLAN_PENDING);
        pass(world, 2 * USEC_PER_SEC);
        g_assert_cmpint(world->plan.service[A].state, ==, PLAN_STUCK);
        check_outcome(world, PLAN_NOT_DONE);
        world->immortal[A] = false;
        pass(world, 2 * USEC_PER_SEC);
        g_assert_cmpint(world->plan.service[A].state, ==, PLAN_STOPPED);
}

static void test_processes_left_behind_are_killed_before_it_counts_as_stopped(void)
{
        g_autoptr(World) world = one();

        start(world);
        check_calls(world, "+a ");
        world->unit[A][0].processes = true;
        stop(world);
        check_calls(world, "-a !a ");
        check_outcome(world, PLAN_DONE);
}

static World *slave_whose_service_hangs(void)
{
        World *world = one_of_each();

        stop(world);
        plan_set_slave(&world->plan, true);
        settle(world);
        check_outcome(world, PLAN_DONE);
        world->hangs[B] = true;
        return world;
}

/* The other node runs what is the slave's as soon as this one is master. */
static void test_a_start_waits_for_the_end_of_the_slaves_services(void)
{
        g_autoptr(World) world = slave_whose_service_hangs();

        start(world);
        g_assert_cmpint(world->plan.service[A].state, ==, PLAN_RUNNING);
        check_outcome(world, PLAN_PENDING);
        pass(world, 11 * USEC_PER_SEC);
        check_outcome(world, PLAN_DONE);
}

static void test_a_start_alone_does_not_wait_for_the_slaves_services(void)
{
        g_autoptr(World) world = slave_whose_service_hangs();

        g_assert_cmpint(plan_start(&world->plan, 1, true), ==, 0);
        settle(world);
        check_outcome(world, PLAN_DONE);
}

/* Its file is gone, or it was masked, while it ran. */
static void test_what_runs_on_without_its_file_is_stopped_all_the_same(void)
{
        g_autoptr(World) world = one();

        start(world);
        check_calls(world, "+a ");
        world->unit[A][0].load = PLAN_NOT_FOUND;
        settle(world);
        g_assert_cmpint(world->plan.service[A].state, ==, PLAN_RUNNING);
        stop(world);
        check_calls(world, "-a ");
        check_outcome(world, PLAN_DONE);
        g_assert_cmpint(world->plan.service[A].state, ==, PLAN_MISSING);
}

static void test_a_refusal_to_stop_is_final_only_past_the_limit(void)
{
        g_autoptr(World) world = one();

        start(world);
        world->refuses[A] = true;
        stop(world);
        pass(world, 8 * USEC_PER_SEC);
        check_outcome(world, PLAN_PENDING);
        pass(world, 4 * USEC_PER_SEC);
        check_outcome(world, PLAN_NOT_DONE);
        g_assert_cmpint(world->plan.service[A].state, ==, PLAN_STUCK);
        world->refuses[A] = false;
        pass(world, 2 * USEC_PER_SEC);
        g_assert_cmpint(world->plan.service[A].state, ==, PLAN_STOPPED);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/svcmand-plan/" #name, test_##name)
        TEST(nothing_is_touched_before_an_order);
        TEST(each_runs_where_it_is_placed);
        TEST(lower_orders_start_first_and_stop_last);
        TEST(units_start_in_order_and_stop_in_reverse);
        TEST(a_start_that_fails_is_told_after_all_others_are_ready);
        TEST(ready_is_what_has_settled);
        TEST(a_stop_that_hangs_is_killed_within_the_limit);
        TEST(what_survives_the_kill_is_never_called_stopped);
        TEST(processes_left_behind_are_killed_before_it_counts_as_stopped);
        TEST(a_start_waits_for_the_end_of_the_slaves_services);
        TEST(a_start_alone_does_not_wait_for_the_slaves_services);
        TEST(what_runs_on_without_its_file_is_stopped_all_the_same);
        TEST(a_refusal_to_stop_is_final_only_past_the_limit);
        return g_test_run();
}
