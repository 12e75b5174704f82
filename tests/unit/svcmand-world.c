/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "svcmand-world.h"

PlanService *add(World *world, Plan *next, const char *name, PlanPlacement placement, uint32_t order)
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

World *world_new(void)
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

void load(World *world, Plan *next)
{
        plan_load_end(&world->plan, next);
        g_free(next);
}

void world_free(World *world)
{
        g_string_free(world->calls, TRUE);
        g_free(world);
}

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

void settle(World *world)
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

void pass(World *world, uint64_t usec)
{
        uint64_t end = world->now_usec + usec;

        while (world->plan.wake_usec <= end) {
                world->now_usec = MAX(world->plan.wake_usec, world->now_usec);
                settle(world);
        }
        world->now_usec = end;
        settle(world);
}

void check_calls(World *world, const char *calls)
{
        g_assert_cmpstr(world->calls->str, ==, calls);
        g_string_truncate(world->calls, 0);
}

void check_outcome(World *world, PlanOutcome outcome)
{
        g_assert_cmpint(plan_outcome(&world->plan, world->now_usec), ==, outcome);
}

World *one_of_each(void)
{
        World *world = world_new();
        Plan *next = g_new0(Plan, 1);

        add(world, next, "master", PLAN_ON_MASTER, 50);
        add(world, next, "slave", PLAN_ON_SLAVE, 50);
        add(world, next, "both", PLAN_ON_BOTH, 50);
        load(world, next);
        return world;
}

World *one(void)
{
        World *world = world_new();
        Plan *next = g_new0(Plan, 1);

        add(world, next, "a", PLAN_ON_MASTER, 50);
        load(world, next);
        return world;
}

void start(World *world)
{
        g_assert_cmpint(plan_start(&world->plan, 1, false), ==, 0);
        settle(world);
}

void stop(World *world)
{
        plan_stop(&world->plan);
        settle(world);
}
