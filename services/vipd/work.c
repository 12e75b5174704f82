/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "work.h"

/* Enough to move every address there can be; more in one turn would be a fault, and must not hang the loop.
 */
enum { STEPS_MAX = 8 * (PLAN_SLOTS_MAX / PLAN_BATCH) };

/*
 * The kernel queues its news about a change while it makes it. So reading them before anything else happens
 * keeps the plan's view true: our own removal is never taken for somebody else's.
 */
static int apply(Plan *plan, const Platform *platform, void *userdata, const PlanAction *actions, size_t n)
{
        int errors[PLAN_BATCH];
        int r = platform->apply(userdata, actions, n, errors);
        uint64_t now = platform->now(userdata);

        for (size_t i = 0; i < n; i++) {
                int error = r < 0 ? r : errors[i];

                plan_result(plan, &actions[i], error, now);
                platform->done(userdata, &actions[i], error);
        }
        return platform->drain(userdata);
}

static int carry_out(Plan *plan, const Platform *platform, void *userdata, const PlanAction *actions,
                     size_t n)
{
        int r = 0;

        /* A batch is of one type. */
        switch (actions[0].type) {
        case PLAN_REMOVE:
        case PLAN_ADD:
                return apply(plan, platform, userdata, actions, n);
        case PLAN_RECORD:
                r = platform->record(userdata);
                break;
        case PLAN_ANNOUNCE:
                r = platform->send(userdata, actions, n);
                break;
        case PLAN_QUESTION:
                r = platform->send(userdata, actions, n);
                if (r < 0)
                        plan_unasked(plan);
                break;
        case PLAN_QUIET:
        case _PLAN_ACTION_MAX:
        case _PLAN_ACTION_INVALID:
                break;
        }
        for (size_t i = 0; i < n; i++)
                platform->done(userdata, &actions[i], r);
        return 0;
}

int work(Plan *plan, const Platform *platform, void *userdata)
{
        PlanAction actions[PLAN_BATCH];

        for (size_t steps = 0; steps < STEPS_MAX; steps++) {
                size_t n;
                int r;

                if (plan->resync) {
                        r = platform->dump(userdata);
                        if (r < 0)
                                return r;
                }
                n = plan_step(plan, platform->now(userdata), actions);
                if (n == 0)
                        return 0;
                r = carry_out(plan, platform, userdata, actions, n);
                if (r < 0)
                        return r;
        }
        return 1;
}
