/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Services run where they are placed and nowhere else, and a takeover learns when they are ready. */
#include "services/svcmand/plan.h"

#include <errno.h>
#include <glib.h>

#include "common/base/clock.h"

enum { A, B };

/* A systemd that does as it is told, unless a test says otherwise. */
typedef struct World {
        Plan plan;
        uint64_t now_usec;
        PlanReport unit[PLAN_SERVICES_MAX][PLAN_UNITS_MAX];
        bool broken[PLAN_SERVICES_MAX]; /* does not start */
        bool hangs[PLAN_SERVICES_MAX];  /* does not stop */
        bool immortal[PLAN_SERVICES_MAX];
        bool refuses[PLAN_SERVICES_MAX]; /* systemd, on polkit's word */
        GString *calls;                  /* what was asked, in order: "+a -a !a" */
        unsigned int strays, bad;
} World;

static PlanService *add(World *world, Plan *next, const char *name, PlanPlacement placement, uint32_t order)
{
        PlanService *service = plan_load_service(next);

        g_strlcpy(service->name, name, sizeof(service->name));
        service->placement = placement;
        service->order = order;
        service->start_limit_usec = 30 * USEC_PER_SEC;
        service->stop_limit_usec = 10 * USEC_PER_SEC;
        service->max_failures = 3;
        service->window_usec = 60 * USEC_PER_SEC;
        service->n_units = 1;
        g_snprintf(service->unit[0].name, sizeof(service->unit[0].name), "%s.service", name);
        return service;
}

static World *world_new(void)
{
        World *world = g_new0(World, 1);

        world->now_usec = USEC_PER_HOUR;
        world->calls = g_string_new(NULL);
        plan_init(&world->plan, world->now_usec);
        plan_reachable(&world->plan, true, world->now_usec);
        for (size_t i = 0; i < PLAN_SERVICES_MAX; i++)
                for (size_t j = 0; j < PLAN_UNITS_MAX; j++)
                        world->unit[i][j].load = PLAN_LOADED;
        return world;
}

static void load(World *world, Plan *next)
{
        plan_load_end(&world->plan, next);
        g_free(next);
}

static void world_free(World *world)
{
        g_string_free(world->calls, TRUE);
        g_free(world);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

static void obey(World *world, const PlanAction *action)
{
        PlanReport *unit = &world->unit[action->service][action->unit];
        char mark = 0;

        switch (action->type) {
        case PLAN_ACT_START:
                mark = '+';
                unit->active = world->broken[action->service] ? PLAN_UNIT_FAILED : PLAN_ACTIVE;
                break;
        case PLAN_ACT_STOP:
                mark = '-';
                if (world->refuses[action->service])
                        break;
                if (world->hangs[action->service])
                        unit->job = true;
                else
                        unit->active = PLAN_INACTIVE;
                break;
        case PLAN_ACT_KILL:
                mark = '!';
                if (!world->immortal[action->service])
                        *unit = (PlanReport){ .load = PLAN_LOADED, .active = PLAN_UNIT_FAILED };
                break;
        case PLAN_ACT_STRAY:
                world->strays++;
                return;
        case PLAN_ACT_BAD:
                world->bad++;
                return;
        case PLAN_ACT_ENDED:
        case PLAN_ACT_START_FAILED:
                return;
        }
        g_string_append_printf(world->calls, "%c%c ", mark, world->plan.service[action->service].name[0]);
        plan_answered(&world->plan, action->service, action->unit, !world->refuses[action->service],
                      world->now_usec);
}

/* systemd tells what is, and the core does what follows, until nothing does. */
static void settle(World *world)
{
        for (int i = 0; i < 100; i++) {
                PlanAction actions[PLAN_ACTIONS_MAX];
                size_t n;

                for (size_t s = 0; s < world->plan.n_services; s++)
                        for (size_t u = 0; u < world->plan.service[s].n_units; u++)
                                plan_report(&world->plan, s, u, &world->unit[s][u]);
                n = plan_turn(&world->plan, world->now_usec, actions);
                for (size_t a = 0; a < n; a++)
                        obey(world, &actions[a]);
                if (n == 0 && !world->plan.changed)
                        return;
        }
        g_assert_not_reached();
}

static void pass(World *world, uint64_t usec)
{
        uint64_t end = world->now_usec + usec;

        while (world->plan.wake_usec <= end) {
                world->now_usec = MAX(world->plan.wake_usec, world->now_usec);
                settle(world);
        }
        world->now_usec = end;
        settle(world);
}

static void check_calls(World *world, const char *calls)
{
        g_assert_cmpstr(world->calls->str, ==, calls);
        g_string_truncate(world->calls, 0);
}

static void check_outcome(World *world, PlanOutcome outcome)
{
        g_assert_cmpint(plan_outcome(&world->plan, world->now_usec), ==, outcome);
}

static World *one_of_each(void)
{
        World *world = world_new();
        Plan *next = g_new0(Plan, 1);

        add(world, next, "master", PLAN_ON_MASTER, 50);
        add(world, next, "slave", PLAN_ON_SLAVE, 50);
        add(world, next, "both", PLAN_ON_BOTH, 50);
        load(world, next);
        return world;
}

static World *one(void)
{
        World *world = world_new();
        Plan *next = g_new0(Plan, 1);

        add(world, next, "a", PLAN_ON_MASTER, 50);
        load(world, next);
        return world;
}

static void start(World *world)
{
        g_assert_cmpint(plan_start(&world->plan, 1, false), ==, 0);
        settle(world);
}

static void stop(World *world)
{
        plan_stop(&world->plan);
        settle(world);
}

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

/* The other node runs what is the slave's as soon as this one is master. */
static void test_a_start_waits_for_the_end_of_the_slaves_services(void)
{
        g_autoptr(World) world = one_of_each();

        stop(world);
        plan_set_slave(&world->plan, true);
        settle(world);
        check_outcome(world, PLAN_DONE);
        world->hangs[B] = true;
        start(world);
        g_assert_cmpint(world->plan.service[A].state, ==, PLAN_RUNNING);
        check_outcome(world, PLAN_PENDING);
        pass(world, 11 * USEC_PER_SEC);
        check_outcome(world, PLAN_DONE);
}

static void test_a_start_alone_does_not_wait_for_the_slaves_services(void)
{
        g_autoptr(World) world = one_of_each();

        stop(world);
        plan_set_slave(&world->plan, true);
        settle(world);
        check_outcome(world, PLAN_DONE);
        world->hangs[B] = true;
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
